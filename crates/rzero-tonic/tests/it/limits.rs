//! Deadlines, cancellation, back-pressure, large messages, many calls, repeated calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use rzero_core::{
    Address, BoxFuture, Call, CallInfo, Class, Connection, Dial, Duplex, Error, Gone, Load,
    Metadata, Reply, Result, StreamIo, UnaryReply,
};
use rzero_tonic::TonicChannel;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tonic::{Code, Request};

use crate::probe::probe_client::ProbeClient;
use crate::probe::{CountRequest, Number, SayReply, SayRequest};
use crate::support::{Net, Server, Side, channel, contract, soon};

fn hanging() -> SayRequest {
    SayRequest {
        hang: true,
        ..SayRequest::default()
    }
}

/// Every wire with every side.
fn all() -> impl Iterator<Item = (Net, Side)> {
    let sides = [Side::Ours, Side::Theirs];
    Net::both()
        .into_iter()
        .flat_map(move |net| sides.map(|side| (net.clone(), side)))
}

#[tokio::test]
async fn deadline_ends_calls_of_every_kind() {
    for (net, side) in all() {
        let server = Server::start(&net, side).await;
        let mut client = server.client();
        let mut request = Request::new(hanging());
        request.set_timeout(Duration::from_millis(100));
        let status = soon(client.say(request)).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{side:?}");
        server.calls.inside(0).await;
        let mut request = Request::new(CountRequest {
            count: 1,
            hang: true,
            ..CountRequest::default()
        });
        request.set_timeout(Duration::from_millis(300));
        let mut numbers = soon(client.count(request)).await.unwrap().into_inner();
        assert_eq!(soon(numbers.message()).await.unwrap().unwrap().value, 1);
        let status = soon(numbers.message()).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{side:?}");
        server.calls.inside(0).await;
    }
}

#[tokio::test]
async fn deadline_of_a_request_that_never_comes_whole() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    let mut client = server.client();
    let mut request = Request::new(tokio_stream::pending::<Number>());
    request.set_timeout(Duration::from_millis(100));
    let status = soon(client.sum(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    server.calls.inside(0).await;
}

#[tokio::test]
async fn dropped_calls_drop_their_handlers() {
    for (net, side) in all() {
        let server = Server::start(&net, side).await;
        for mut client in [server.client(), server.blind_client()] {
            if side == Side::Ours && matches!(net, Net::Memory(_)) {
                client = server.client();
            }
            let mut say = client.clone();
            let call = tokio::spawn(async move { say.say(hanging()).await });
            server.calls.inside(1).await;
            call.abort();
            server.calls.inside(0).await;
            let request = CountRequest {
                count: 2,
                hang: true,
                ..CountRequest::default()
            };
            let mut numbers = client.count(request).await.unwrap().into_inner();
            assert_eq!(soon(numbers.message()).await.unwrap().unwrap().value, 1);
            server.calls.inside(1).await;
            drop(numbers);
            server.calls.inside(0).await;
            let requests = tokio_stream::iter([SayRequest::default()]);
            let requests = requests.chain(tokio_stream::pending());
            let mut replies = client.chat(requests).await.unwrap().into_inner();
            assert!(soon(replies.message()).await.unwrap().is_some());
            server.calls.inside(1).await;
            drop(replies);
            server.calls.inside(0).await;
        }
        let whole = server.calls.whole_uploads.load(Ordering::SeqCst);
        assert_eq!(whole, 0, "a broken upload looked like a whole one");
    }
}

#[tokio::test]
async fn upload_that_panics_is_no_whole_upload() {
    for (net, side) in all() {
        let server = Server::start(&net, side).await;
        let numbers = tokio_stream::iter(1..).map(|value| {
            assert!(value < 2000, "the caller's stream panics: part of the test");
            Number {
                value,
                ..Number::default()
            }
        });
        let status = soon(server.client().sum(numbers)).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status:?}");
        server.calls.inside(0).await;
        assert_eq!(server.calls.whole_uploads.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn large_messages_pass_and_larger_ones_are_refused() {
    let server = Server::start(&Net::Grpc, Side::Theirs).await;
    let large = SayRequest {
        payload: vec![5; 3 << 20],
        ..SayRequest::default()
    };
    for mut client in [server.client(), server.blind_client()] {
        let reply = soon(client.say(large.clone())).await.unwrap();
        assert!(reply.into_inner().payload == large.payload);
        let three = tokio_stream::iter(vec![large.clone(); 3]);
        let mut replies = soon(client.chat(three)).await.unwrap().into_inner();
        for _ in 0..3 {
            let reply = soon(replies.message()).await.unwrap().unwrap();
            assert!(reply.payload == large.payload);
        }
        assert!(soon(replies.message()).await.unwrap().is_none());
        let larger = SayRequest {
            payload: vec![5; 5 << 20],
            ..SayRequest::default()
        };
        let status = soon(client.say(larger)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    }
}

/// The most that a stream nobody reads may hold, in messages of 64 KiB: windows and buffers of
/// both ends are far below 8 MiB.
const UNREAD_MAX: u64 = 128;
const PADDING: u32 = 64 << 10;

#[tokio::test]
async fn answers_that_nobody_reads_hold_the_service_back() {
    for side in [Side::Ours, Side::Theirs] {
        let server = Server::start(&Net::Grpc, side).await;
        let mut client = server.client();
        let request = CountRequest {
            count: 1_000_000,
            padding: PADDING,
            ..CountRequest::default()
        };
        let mut numbers = client.count(request).await.unwrap().into_inner();
        assert!(soon(numbers.message()).await.unwrap().is_some());
        // Enough turns for a service that is not held back to go on and on.
        for _ in 0..200 {
            soon(client.say(SayRequest::default())).await.unwrap();
        }
        let made = server.calls.messages.load(Ordering::SeqCst);
        assert!(made < UNREAD_MAX, "{side:?} made {made} messages");
        drop(numbers);
        server.calls.inside(0).await;
    }
}

#[tokio::test]
async fn uploads_that_nobody_reads_hold_the_caller_back() {
    for side in [Side::Ours, Side::Theirs] {
        let server = Server::start(&Net::Grpc, side).await;
        let mut client = server.client();
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let requests = tokio_stream::iter(0..1_000_000).map(move |turn| {
            count.fetch_add(1, Ordering::SeqCst);
            SayRequest {
                hang: turn == 1,
                payload: vec![5; PADDING.try_into().unwrap()],
                ..SayRequest::default()
            }
        });
        let mut replies = client.chat(requests).await.unwrap().into_inner();
        assert!(soon(replies.message()).await.unwrap().is_some());
        for _ in 0..200 {
            soon(client.say(SayRequest::default())).await.unwrap();
        }
        let made = made.load(Ordering::SeqCst) as u64;
        assert!(made < UNREAD_MAX, "{side:?} took {made} messages");
        drop(replies);
        server.calls.inside(0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_once_all_succeed() {
    for (net, side) in all() {
        let server = Server::start(&net, side).await;
        let mut calls = JoinSet::new();
        for n in 0..1000 {
            let mut client = server.client();
            calls.spawn(async move {
                if n % 4 == 0 {
                    let numbers = (1..=4).map(|value| Number {
                        value,
                        ..Number::default()
                    });
                    let sum = client.sum(tokio_stream::iter(numbers)).await.unwrap();
                    assert_eq!(sum.into_inner().value, 10);
                    return;
                }
                let request = SayRequest {
                    text: n.to_string(),
                    ..SayRequest::default()
                };
                let reply = client.say(request).await.unwrap();
                assert_eq!(reply.into_inner().text, n.to_string());
            });
        }
        soon(async { while calls.join_next().await.map(Result::unwrap).is_some() {} }).await;
        server.calls.inside(0).await;
    }
}

/// Connections whose first calls fail.
struct Flaky {
    failures: usize,
    class: Class,
    calls: AtomicUsize,
}

impl Flaky {
    fn client(failures: usize, class: Class) -> (Arc<Self>, TonicChannel) {
        let flaky = Arc::new(Self {
            failures,
            class,
            calls: AtomicUsize::new(0),
        });
        let dial = Arc::new(FlakyDial(Arc::clone(&flaky)));
        let channel = channel("grpc", dial, Address::tcp("127.0.0.1", 1));
        (flaky, TonicChannel::new(channel))
    }

    /// How the next call ends.
    fn next(&self) -> Option<Error> {
        let failed = self.calls.fetch_add(1, Ordering::SeqCst) < self.failures;
        failed.then(|| Error::new(self.class, "flaky"))
    }
}

struct FlakyDial(Arc<Flaky>);

impl Dial for FlakyDial {
    fn dial<'a>(
        &'a self,
        _: &'a Address,
        _: Instant,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>>> {
        Box::pin(async { Ok(Arc::new(FlakyConnection(Arc::clone(&self.0))) as _) })
    }
}

struct FlakyConnection(Arc<Flaky>);

fn fine() -> Bytes {
    SayReply::default().encode_to_vec().into()
}

impl Connection for FlakyConnection {
    fn unary(&self, _: Call<Bytes>) -> UnaryReply {
        UnaryReply::ready(match self.0.next() {
            Some(error) => Err(error),
            None => Ok(Reply::new(fine())),
        })
    }

    fn open(&self, _: CallInfo) -> Duplex {
        let answer = match self.0.next() {
            Some(error) => Err(error),
            None => Ok(Some(fine())),
        };
        Duplex::new(Arc::new(OneAnswer(std::sync::Mutex::new(Some(answer)))))
    }

    fn load(&self) -> Load {
        Load::default()
    }

    fn is_open(&self) -> bool {
        true
    }

    fn drain(&self) {}

    fn gone(&self) -> BoxFuture<'_, Gone> {
        Box::pin(std::future::pending())
    }
}

struct OneAnswer(std::sync::Mutex<Option<Result<Option<Bytes>>>>);

impl StreamIo for OneAnswer {
    fn poll_recv(&self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        Poll::Ready(self.0.lock().unwrap().take().unwrap_or(Ok(None)))
    }

    fn poll_send(&self, _: &mut Context<'_>, message: &mut Option<Bytes>) -> Poll<Result<()>> {
        *message = None;
        Poll::Ready(Ok(()))
    }

    fn close_send(&self) {}

    fn add_headers(&self, _: Metadata) -> bool {
        false
    }

    fn headers(&self) -> Option<Metadata> {
        None
    }

    fn trailers(&self) -> Option<Metadata> {
        None
    }

    fn release_recv(&self) {}
}

#[tokio::test]
async fn idempotent_call_is_repeated_when_its_answer_was_lost() {
    let (flaky, channel) = Flaky::client(1, Class::ConnectionLost);
    let mut client = ProbeClient::new(channel.with_contract(&contract()));
    client.say(SayRequest::default()).await.unwrap();
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn other_call_is_not_repeated_when_its_answer_was_lost() {
    let (flaky, channel) = Flaky::client(1, Class::ConnectionLost);
    let mut known = ProbeClient::new(channel.clone().with_contract(&contract()));
    let status = known.put(SayRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 1);
    let (flaky, channel) = Flaky::client(1, Class::ConnectionLost);
    let mut blind = ProbeClient::new(channel);
    let status = blind.say(SayRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn caller_may_say_that_a_call_is_idempotent() {
    let (flaky, channel) = Flaky::client(1, Class::ConnectionLost);
    let mut client = ProbeClient::new(channel.with_contract(&contract()));
    let mut request = Request::new(SayRequest::default());
    let options = rzero_client::CallOptions::new().idempotent(true);
    request.extensions_mut().insert(options);
    client.put(request).await.unwrap();
    assert_eq!(flaky.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn call_that_never_ran_is_placed_again() {
    for known in [true, false] {
        for (failures, fine, calls) in [(2, true, 3..=3), (100, false, 3..=6)] {
            let (flaky, channel) = Flaky::client(failures, Class::Draining);
            let channel = match known {
                true => channel.with_contract(&contract()),
                false => channel,
            };
            let reply = ProbeClient::new(channel).put(SayRequest::default()).await;
            assert_eq!(reply.is_ok(), fine, "{reply:?}");
            let made = flaky.calls.load(Ordering::SeqCst);
            assert!(calls.contains(&made), "{made} calls");
        }
    }
}
