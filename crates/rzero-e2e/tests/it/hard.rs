//! What once went wrong, or easily could: wake-ups, flow control, leaving peers.

use std::sync::Arc;
use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::parts::client::ClientConfig;
use rzero::parts::core::Phase;
use rzero::{CallOptions, Class, Cx, Error, Receiver, Result, Sender};
use rzero_e2e::api::peers::v1::{
    ChatReply, ChatRequest, CountReply, CountRequest, Echo, EchoClient, EchoServer, SayReply,
    SayRequest, SumReply, SumRequest,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Cluster, Net, Running, server_config, service_config};

/// A service whose handlers do what handlers may do, if not what they usually do.
struct Odd;

impl Echo for Odd {
    async fn say(&self, _: &Cx, _: SayRequest) -> Result<SayReply> {
        Err(Error::new(Class::ConnectFailed, "my store is down"))
    }

    async fn count(&self, _: &Cx, _: CountRequest, _: Sender<CountReply>) -> Result<()> {
        Err(Error::overloaded("busy").relayed())
    }

    /// Reads late.
    async fn sum(&self, _: &Cx, mut rx: Receiver<SumRequest>) -> Result<SumReply> {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut count = 0;
        while rx.recv().await?.is_some() {
            count += 1;
        }
        Ok(SumReply {
            count,
            ..Default::default()
        })
    }

    /// Sends from a task of its own while this one reads.
    async fn chat(
        &self,
        _: &Cx,
        mut rx: Receiver<ChatRequest>,
        mut tx: Sender<ChatReply>,
    ) -> Result<()> {
        let sending = rzero::spawn(async move {
            for seq in 0..400 {
                let payload = Bytes::from(vec![0; 4096]);
                tx.send(ChatReply {
                    seq,
                    payload,
                    ..Default::default()
                })
                .await?;
            }
            Ok::<(), Error>(())
        });
        while rx.recv().await?.is_some() {}
        sending.await?
    }
}

async fn odd(net: Net) -> (Cluster, Running) {
    let cluster = Cluster::new(net);
    let (_, logic) = cluster.app("unused");
    let app = rzero::parts::server::App::new(service_config(), server_config())
        .unwrap()
        .serve(EchoServer::new(Odd))
        .wire(cluster.net.wire("odd"))
        .registry(Arc::clone(&cluster.registry) as _);
    let running = cluster.run(app, logic).await;
    (cluster, running)
}

#[tokio::test]
async fn one_task_sends_while_another_reads() {
    for net in Net::both() {
        let (cluster, _server) = odd(net).await;
        let (mut tx, mut rx) = cluster.client().0.chat().await.unwrap();
        let mut received = 0;
        while received < 400 {
            rx.recv().await.unwrap().unwrap();
            received += 1;
        }
        tx.send(ChatRequest::default()).await.unwrap();
        tx.close();
        assert!(rx.recv().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn many_small_messages_wait_for_a_late_reader() {
    for net in Net::both() {
        let (cluster, _server) = odd(net).await;
        let mut sum = cluster.client().0.sum().await.unwrap();
        for value in 0..30_000 {
            sum.send(SumRequest { value }).await.unwrap();
        }
        assert_eq!(sum.finish().await.unwrap().count, 30_000);
    }
}

#[tokio::test]
async fn streams_that_nobody_reads_do_not_stall_their_neighbours() {
    let cluster = Cluster::new(Net::Grpc);
    let _server = cluster.start("a").await;
    let (client, _) = cluster.client();
    let mut unread = Vec::new();
    for _ in 0..32 {
        let (mut tx, rx) = client.chat().await.unwrap();
        let payload = Bytes::from(vec![0; 512 << 10]);
        tx.send(ChatRequest {
            payload: payload.clone(),
            ..Default::default()
        })
        .await
        .unwrap();
        unread.push((tx, rx));
    }
    for _ in 0..20 {
        client.say(SayRequest::default()).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_handler_passes_on_is_not_safe_to_repeat_on_the_wire() {
    for net in Net::both() {
        let (cluster, _server) = odd(net).await;
        let (client, _) = cluster.client();
        let error = client.say(SayRequest::default()).await.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
        assert!(!error.is_retry_safe(false));
        let mut stream = client.count(CountRequest::default()).await.unwrap();
        let error = stream.recv().await.unwrap_err();
        assert_eq!(
            (error.class(), error.reason()),
            (Class::Unavailable, "OVERLOADED")
        );
        assert!(!error.is_retry_safe(false));
    }
}

#[tokio::test]
async fn both_directions_of_a_late_stream_say_so() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _server = cluster.start("a").await;
        let options = CallOptions::new().deadline(Duration::from_millis(60));
        let (mut tx, mut rx) = cluster.client().0.chat_with(&options).await.unwrap();
        let receiving = tokio::spawn(async move { rx.recv().await });
        let error = receiving.await.unwrap().unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
        let error = tx.send(ChatRequest::default()).await.unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_silent_peer_does_not_hold_up_the_drain() {
    let cluster = Cluster::new(Net::Grpc);
    let server = cluster.start("a").await;
    let mut silent = TcpStream::connect(server.address.to_string())
        .await
        .unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    silent.write_all(preface).await.unwrap();
    // Another connection is served, so this one was accepted too.
    let client = EchoClient::new(cluster.channel(&ClientConfig::default()));
    client.say(SayRequest::default()).await.unwrap();
    let drained = server.leave().await;
    assert!(!drained.cut(), "{drained:?}");
    let took = drained
        .phases
        .iter()
        .find(|(p, _)| *p == Phase::InFlight)
        .unwrap()
        .1;
    assert!(took < Duration::from_secs(3), "{took:?} of 5 s");
}

#[tokio::test]
async fn a_restarted_only_instance_fails_no_call_that_waits_for_ready() {
    let cluster = Cluster::new(Net::Grpc);
    let (client, _) = cluster.client();
    let options = CallOptions::new()
        .wait_for_ready(true)
        .deadline(Duration::from_secs(20));
    let mut server = cluster.start("0").await;
    for round in 1..=5 {
        let calls: Vec<_> = (0..50)
            .map(|i| {
                let (client, options) = (client.clone(), options.clone());
                tokio::spawn(async move {
                    if i % 2 == 0 {
                        return client
                            .say_with(SayRequest::default(), &options)
                            .await
                            .map(drop);
                    }
                    let request = CountRequest {
                        count: 3,
                        ..Default::default()
                    };
                    let stream = client.count_with(request, &options).await?;
                    stream.collect().await.map(drop)
                })
            })
            .collect();
        server.leave().await;
        server = cluster.start(&round.to_string()).await;
        for call in calls {
            call.await.unwrap().unwrap();
        }
    }
}

/// Far more than a connection may hold or keep waiting at a time, in both directions.
#[tokio::test]
async fn many_large_calls_on_one_connection_all_end_well() {
    let cluster = Cluster::new(Net::Grpc);
    let _server = cluster.start("a").await;
    let (client, _) = cluster.client();
    let options = CallOptions::new().deadline(Duration::from_secs(60));
    let calls: Vec<_> = (0..64_u8)
        .map(|n| {
            let (client, options) = (client.clone(), options.clone());
            tokio::spawn(async move {
                let payload = Bytes::from(vec![n; 1 << 20]);
                let request = SayRequest {
                    payload: payload.clone(),
                    ..Default::default()
                };
                let reply = client.say_with(request, &options).await?;
                assert!(reply.payload == payload);
                Ok::<(), Error>(())
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

/// A handler that has read its request lets go of it just before it sends the first answer: the
/// head of that answer must not be overtaken by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn first_answers_race_with_what_else_their_streams_want() {
    let cluster = Cluster::new(Net::Grpc);
    let _server = cluster.start("a").await;
    let (client, _) = cluster.client();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let client = client.clone();
        callers.spawn(async move {
            for _ in 0..400 {
                let request = CountRequest {
                    count: 2,
                    ..Default::default()
                };
                let answers = client.count(request).await.unwrap().collect();
                assert_eq!(answers.await.unwrap().len(), 2);
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
}
