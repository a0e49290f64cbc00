//! What a server lets in, over both wires: callers here have no policies of their own.

use std::sync::Arc;
use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::parts::core::{
    Call, CallInfo, Connection, Duplex, Idempotency, Kind, Method, Priority, UnaryReply, names,
};
use rzero::parts::server::{App, Governance};
use rzero::policy::Policies;
use rzero::prost::Message;
use rzero::resilience::shed::Signals;
use rzero::{Class, Cx, Error, Receiver, Result, Sender};
use rzero_e2e::api::peers::v1::{
    ChatReply, ChatRequest, CountReply, CountRequest, Echo, EchoServer, SayReply, SayRequest,
    SumReply, SumRequest,
};
use rzero_testing::MemoryNet;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::support::{Cluster, Net, Running, server_config, service_config};

const HANG: &str = "hang";
const PANIC: &str = "panic";

/// Does what it is told.
struct Told;

async fn told(what: &str) {
    match what {
        HANG => std::future::pending().await,
        PANIC => panic!("told to"),
        _ => {}
    }
}

impl Echo for Told {
    async fn say(&self, _: &Cx, req: SayRequest) -> Result<SayReply> {
        told(&req.text).await;
        Ok(SayReply {
            text: req.text,
            ..Default::default()
        })
    }

    async fn count(&self, _: &Cx, req: CountRequest, _: Sender<CountReply>) -> Result<()> {
        told(&req.text).await;
        Ok(())
    }

    async fn sum(&self, _: &Cx, _: Receiver<SumRequest>) -> Result<SumReply> {
        Ok(SumReply::default())
    }

    async fn chat(
        &self,
        _: &Cx,
        mut rx: Receiver<ChatRequest>,
        _: Sender<ChatReply>,
    ) -> Result<()> {
        while let Some(message) = rx.recv().await? {
            told(&message.text).await;
        }
        Ok(())
    }
}

/// A server and what governs it.
struct Governed {
    cluster: Cluster,
    server: Running,
    policies: watch::Sender<Policies>,
    signals: Arc<Signals>,
}

fn policies(text: &str) -> Policies {
    Policies::from_toml(text).unwrap()
}

impl Governed {
    async fn start(net: Net, text: &str) -> Self {
        let cluster = Cluster::new(net);
        let (policies, watch) = watch::channel(policies(text));
        let app = App::new(service_config(), server_config()).unwrap();
        let app = app
            .serve(EchoServer::new(Told))
            .wire(cluster.net.wire("told"))
            .policies(watch);
        let signals = Arc::clone(app.signals());
        let (_, logic) = cluster.app("unused");
        let server = cluster.run(app, logic).await;
        Self {
            cluster,
            server,
            policies,
            signals,
        }
    }

    /// One more connection.
    async fn connect(&self) -> Arc<dyn Connection> {
        let by = Instant::now() + Duration::from_secs(10);
        let dial = self.cluster.net.dial();
        dial.dial(&self.server.address, by).await.unwrap()
    }

    fn now(&self) -> Governance {
        self.server.handle.governance().unwrap()
    }

    /// Waits until governance shows something.
    async fn until(&self, what: impl Fn(&Governance) -> bool) {
        let waiting = async {
            while !what(&self.now()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(waited.is_ok(), "{:#?}", self.now());
    }

    /// Waits until so many unary calls and streams are in flight.
    async fn in_flight(&self, unary: usize, streams: usize) {
        self.until(|now| (now.shed.inflight, now.shed.streams) == (unary, streams))
            .await;
    }
}

fn info(path: &str, kind: Kind) -> CallInfo {
    let method = Method::dynamic(path, kind, Idempotency::Unknown).unwrap();
    CallInfo::new(method, Instant::now())
}

fn say(connection: &Arc<dyn Connection>, text: &str) -> UnaryReply {
    let request = SayRequest {
        text: text.to_owned(),
        ..Default::default()
    };
    connection.unary(Call {
        info: info("/peers.v1.Echo/Say", Kind::Unary),
        body: request.encode_to_vec().into(),
    })
}

fn chat(connection: &Arc<dyn Connection>) -> Duplex {
    connection.open(info("/peers.v1.Echo/Chat", Kind::Bidi))
}

/// How a stream ends that is given no message.
async fn end(mut stream: Duplex) -> Option<Error> {
    stream.tx.close();
    stream.rx.recv().await.err()
}

fn is_push_back(error: &Error, net: &Net) {
    assert_eq!(
        (error.class(), error.reason()),
        (Class::Overloaded, "OVERLOADED")
    );
    let hint = error.retry_after().unwrap();
    let second = Duration::from_secs(1);
    assert!((second..2 * second).contains(&hint), "{hint:?}");
    if matches!(net, Net::Grpc) {
        // Beside the details, in the trailer that every gRPC client reads.
        let trailer = error.trailers().unwrap().get(names::RETRY_PUSHBACK);
        assert_eq!(trailer, Some(hint.as_millis().to_string().as_str()));
    }
}

#[tokio::test]
async fn overload_is_shed_with_a_push_back_on_the_wire() {
    for net in Net::both() {
        let governed = Governed::start(net.clone(), "").await;
        let connection = governed.connect().await;
        let mut held = Vec::new();
        // Without a measurement the limit is ten calls.
        for n in 1..=40 {
            held.push(tokio::spawn(say(&connection, HANG)));
            governed.in_flight(n, 0).await;
        }
        say(&connection, "not overloaded").await.unwrap();
        governed.signals.set_memory_level(3);
        let error = say(&connection, "").await.unwrap_err();
        is_push_back(&error, &net);
        let error = end(chat(&connection)).await.unwrap();
        is_push_back(&error, &net);
        let shed = governed.now().shed;
        assert_eq!(shed.shed_total(), 2, "{shed:?}");
        let health = info("/grpc.health.v1.Health/Check", Kind::Unary);
        let body = Bytes::new();
        let health = connection.unary(Call { info: health, body });
        assert!(health.await.is_ok(), "health is never shed");
        governed.signals.set_memory_level(0);
        held.iter().for_each(|call| call.abort());
        governed.in_flight(0, 0).await;
        say(&connection, "").await.unwrap();
    }
}

#[tokio::test]
async fn limits_hold_for_the_server_and_not_for_a_connection() {
    for net in Net::both() {
        let text = "[policy]\nserver.concurrency.max = 3\nconcurrency.max = 2";
        let governed = Governed::start(net.clone(), text).await;
        let (one, two) = (governed.connect().await, governed.connect().await);
        let calls = [tokio::spawn(say(&one, HANG)), tokio::spawn(say(&two, HANG))];
        governed.in_flight(2, 0).await;
        for connection in [&one, &two] {
            let error = say(connection, "the method is full").await.unwrap_err();
            is_push_back(&error, &net);
        }
        let stream = chat(&one);
        governed.in_flight(2, 1).await;
        let error = end(chat(&two)).await.unwrap();
        is_push_back(&error, &net);
        let now = governed.now();
        assert_eq!((now.concurrency.running, now.concurrency.refused), (3, 1));
        drop(stream);
        calls.iter().for_each(|call| call.abort());
        governed.in_flight(0, 0).await;
        assert_eq!(governed.now().concurrency.running, 0);
    }
}

#[tokio::test]
async fn rates_hold_for_all_connections_and_say_when_to_come_back() {
    for net in Net::both() {
        let text = r#"
            [[policy.rate]]
            name = "says"
            methods = "peers.v1.Echo/Say"
            rate = 2
            period = "1h"
        "#;
        let governed = Governed::start(net, text).await;
        let (one, two) = (governed.connect().await, governed.connect().await);
        say(&one, "").await.unwrap();
        say(&two, "").await.unwrap();
        for connection in [&one, &two] {
            let error = say(connection, "").await.unwrap_err();
            assert_eq!(error.class(), Class::RateLimited);
            let hint = error.retry_after().unwrap();
            assert!(hint > Duration::from_secs(1700), "{hint:?}");
        }
        assert!(end(chat(&one)).await.is_none(), "another method");
        assert_eq!(governed.now().rates[0].refused, 2);
    }
}

#[tokio::test]
async fn a_request_that_is_dead_on_arrival_is_refused_before_it_is_decoded() {
    let governed = Governed::start(Net::Memory(MemoryNet::new()), "").await;
    let connection = governed.connect().await;
    for path in ["Say", "Chat"] {
        let unary = path == "Say";
        let kind = if unary { Kind::Unary } else { Kind::Bidi };
        let mut info = info(&format!("/peers.v1.Echo/{path}"), kind);
        info.set_deadline(Some(info.received()));
        let body = Bytes::from_static(NO_MESSAGE);
        let error = match unary {
            true => connection.unary(Call { info, body }).await.err(),
            false => end(connection.open(info)).await,
        };
        assert_eq!(error.unwrap().class(), Class::ExpiredInQueue);
    }
    assert_eq!(governed.now().expired, 2);
}

/// Our own client would not send it.
#[tokio::test]
async fn a_request_that_is_dead_on_the_wire_is_refused_before_it_is_decoded() {
    let governed = Governed::start(Net::Grpc, "").await;
    let mut socket = TcpStream::connect(governed.server.address.to_string())
        .await
        .unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(0x4, 0, 0, &[]));
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/peers.v1.Echo/Say"),
        (":authority", "test"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", "1n"),
    ];
    // Literal fields, none of them to be remembered.
    let block = fields.iter().flat_map(|(name, value)| {
        let text = |text: &str| {
            let length = u8::try_from(text.len()).unwrap();
            [&[length], text.as_bytes()].concat()
        };
        [vec![0], text(name), text(value)].concat()
    });
    bytes.extend(frame(0x1, 0x4, 1, &block.collect::<Vec<_>>()));
    let message = [&[0, 0, 0, 0, 3], NO_MESSAGE].concat();
    bytes.extend(frame(0x0, 0x1, 1, &message));
    socket.write_all(&bytes).await.unwrap();
    governed.until(|now| now.expired == 1).await;
    governed.in_flight(0, 0).await;
}

/// No message of any method: decoding it is an error of another class.
const NO_MESSAGE: &[u8] = b"\xff\xff\xff";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [kind, flags];
    [&length[1..], &head, &stream.to_be_bytes(), payload].concat()
}

#[tokio::test]
async fn panics_give_back_what_a_call_holds() {
    for net in Net::both() {
        let governed = Governed::start(net, "[policy.breaker]\nenabled = true").await;
        let connection = governed.connect().await;
        let error = say(&connection, PANIC).await.unwrap_err();
        assert_eq!((error.class(), error.reason()), (Class::Internal, "PANIC"));
        let mut stream = chat(&connection);
        let message = ChatRequest {
            text: PANIC.to_owned(),
            ..Default::default()
        };
        stream
            .tx
            .send(message.encode_to_vec().into())
            .await
            .unwrap();
        let error = stream.rx.recv().await.unwrap_err();
        assert_eq!(error.reason(), "PANIC");
        governed.in_flight(0, 0).await;
        for method in governed.now().methods {
            let counts = method.path.ends_with("Say") || method.path.ends_with("Chat");
            assert_eq!(method.breaker.failed, u64::from(counts), "{}", method.path);
        }
    }
}

#[tokio::test]
async fn calls_that_are_cancelled_give_back_what_they_hold() {
    for net in Net::both() {
        let governed = Governed::start(net, "[policy]\nconcurrency.max = 8").await;
        let connection = governed.connect().await;
        for _ in 0..3 {
            let calls: Vec<_> = (0..8)
                .map(|_| tokio::spawn(say(&connection, HANG)))
                .collect();
            let streams: Vec<_> = (0..8).map(|_| chat(&connection)).collect();
            governed.in_flight(8, 8).await;
            calls.iter().for_each(|call| call.abort());
            drop(streams);
            governed.in_flight(0, 0).await;
        }
        assert_eq!(governed.now().concurrency.running, 0);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_gives_back_what_its_calls_hold() {
    let governed = Governed::start(Net::Grpc, "[policy]\nconcurrency.max = 8").await;
    let address = governed.server.address.clone();
    let (leave, left) = std::sync::mpsc::channel::<()>();
    // With its runtime the client loses its sockets, without a word to the server.
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _calls = runtime.block_on(async {
            let by = Instant::now() + Duration::from_secs(10);
            let connection = Net::Grpc.dial().dial(&address, by).await.unwrap();
            let stream = chat(&connection);
            let call = tokio::spawn(say(&connection, HANG));
            let polling = tokio::task::spawn_blocking(move || left.recv());
            polling.await.unwrap().unwrap();
            (connection, stream, call)
        });
        runtime.shutdown_background();
    });
    governed.in_flight(1, 1).await;
    leave.send(()).unwrap();
    client.join().unwrap();
    governed.in_flight(0, 0).await;
    assert_eq!(governed.now().concurrency.running, 0);
}

#[tokio::test]
async fn a_reload_drops_no_call_and_forgets_none() {
    for net in Net::both() {
        let governed = Governed::start(net, "").await;
        let connection = governed.connect().await;
        let call = tokio::spawn(say(&connection, HANG));
        let stream = chat(&connection);
        governed.in_flight(1, 1).await;
        let text = r#"
            [policy]
            server.concurrency.max = 2
            timeout = "700ms"
            priority = "critical"
        "#;
        governed.policies.send_replace(policies(text));
        governed
            .until(|now| {
                let mut methods = now.methods.iter();
                now.concurrency.limit == Some(2)
                    && methods.all(|method| method.priority == Priority::Critical)
            })
            .await;
        assert_eq!(governed.now().concurrency.running, 2);
        let error = say(&connection, "").await.unwrap_err();
        assert_eq!(error.class(), Class::Overloaded);
        assert!(!call.is_finished());
        drop(stream);
        governed.in_flight(1, 0).await;
        say(&connection, "there is room again").await.unwrap();
        call.abort();
    }
}

#[tokio::test]
async fn what_is_switched_off_by_name_is_off_on_the_wire() {
    for net in Net::both() {
        let text = r#"
            [policy]
            concurrency.max = 1
            [[policy.rule]]
            match.method = "peers.v1.Echo/Say"
            off = ["shed", "concurrency"]
        "#;
        let governed = Governed::start(net, text).await;
        let connection = governed.connect().await;
        governed.signals.set_memory_level(3);
        let calls: Vec<_> = (0..30)
            .map(|_| tokio::spawn(say(&connection, HANG)))
            .collect();
        for _ in 0..10 {
            say(&connection, "").await.unwrap();
        }
        let stream = chat(&connection);
        governed.in_flight(0, 1).await;
        assert_eq!(
            end(chat(&connection)).await.unwrap().class(),
            Class::Overloaded,
            "the other method is limited"
        );
        drop(stream);
        calls.iter().for_each(|call| call.abort());
    }
}

#[tokio::test]
async fn cpu_use_is_sampled_while_the_server_runs() {
    let governed = Governed::start(Net::Grpc, "").await;
    governed.until(|now| now.shed.cpu.is_some()).await;
    assert!(governed.now().shed.signals.cpu.is_available());
}
