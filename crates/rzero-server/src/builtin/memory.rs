//! A wire in memory for the tests of built-in services: both ends of one call.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use rzero_core::{
    Call, CallInfo, Duplex, Error, Metadata, Method, Reply, Service, ServiceDesc, StreamIo,
    Trailers,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Runs a future to its end.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(work)
}

/// Waits for something that comes at once; the time is a safety net against a test that hangs.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), work)
        .await
        .expect("it never came")
}

fn info(desc: &'static ServiceDesc, method: &str) -> CallInfo {
    let method = desc.methods.iter().find(|m| m.name == method).unwrap();
    CallInfo::new(Method::new(method), Instant::now())
}

/// Makes a unary call.
pub(super) async fn unary<S>(
    service: &S,
    desc: &'static ServiceDesc,
    method: &str,
    body: Bytes,
) -> Result<Bytes, Error>
where
    S: Service<Call<Bytes>, Reply = Reply<Bytes>>,
{
    Ok(service
        .call(Call {
            info: info(desc, method),
            body,
        })
        .await?
        .into_inner())
}

/// The caller's end of a call that streams.
pub(super) struct Caller {
    io: Arc<Memory>,
    served: JoinHandle<Result<Trailers, Error>>,
}

impl Caller {
    /// Begins a call; the service sends until `room` replies lie unread.
    pub(super) fn open<S>(service: S, desc: &'static ServiceDesc, method: &str, room: usize) -> Self
    where
        S: Service<Call<Duplex>, Reply = Trailers>,
    {
        let io = Arc::new(Memory::new(room));
        let call = Call {
            info: info(desc, method),
            body: Duplex::new(Arc::clone(&io) as _),
        };
        let served = tokio::spawn(async move { service.call(call).await });
        Self { io, served }
    }

    /// Sends a message.
    pub(super) fn send(&self, message: impl Into<Bytes>) {
        let message = message.into();
        self.io.change(|state| state.requests.push_back(message));
    }

    /// Sends no more.
    pub(super) fn close(&self) {
        self.io.change(|state| state.requested_all = true);
    }

    /// The next reply.
    pub(super) async fn recv<T: Message + Default>(&self) -> T {
        let bytes = soon(poll_fn(|cx| {
            self.io.poll(cx, |state| state.replies.pop_front())
        }))
        .await;
        T::decode(bytes).unwrap()
    }

    /// Waits until the service has seen everything that was sent.
    pub(super) async fn all_read(&self) {
        soon(poll_fn(|cx| {
            self.io
                .poll(cx, |state| state.requests.is_empty().then_some(()))
        }))
        .await;
    }

    /// How the call ended, and the replies that were not read.
    pub(super) async fn end(self) -> (Result<Trailers, Error>, usize) {
        let end = soon(self.served).await.unwrap();
        let unread = self.io.state.lock().unwrap().replies.len();
        (end, unread)
    }
}

struct Memory {
    state: Mutex<State>,
    room: usize,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Bytes>,
    requested_all: bool,
    replies: VecDeque<Bytes>,
    waiting: Vec<Waker>,
}

impl Memory {
    fn new(room: usize) -> Self {
        Self {
            state: Mutex::default(),
            room,
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let out = change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        out
    }

    fn poll<T>(&self, cx: &mut Context<'_>, take: impl FnOnce(&mut State) -> Option<T>) -> Poll<T> {
        let mut state = self.state.lock().unwrap();
        let Some(out) = take(&mut state) else {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        };
        drop(state);
        self.change(|_| ());
        Poll::Ready(out)
    }
}

impl StreamIo for Memory {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.poll(cx, |state| match state.requests.pop_front() {
            Some(message) => Some(Ok(Some(message))),
            None => state.requested_all.then_some(Ok(None)),
        })
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        self.poll(cx, |state| {
            (state.replies.len() < self.room).then(|| {
                state.replies.extend(message.take());
                Ok(())
            })
        })
    }

    fn close_send(&self) {}

    fn add_headers(&self, _: Metadata) -> bool {
        true
    }

    fn headers(&self) -> Option<Metadata> {
        None
    }

    fn trailers(&self) -> Option<Metadata> {
        None
    }

    fn release_recv(&self) {}
}
