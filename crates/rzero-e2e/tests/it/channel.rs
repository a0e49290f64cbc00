//! The client channel: discovery, waiting, failing, re-picking.

use std::collections::BTreeMap;
use std::time::Duration;

use rzero::parts::client::ClientConfig;
use rzero::parts::core::Address;
use rzero::{CallOptions, Class};
use rzero_e2e::api::peers::v1::{EchoClient, SayRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Cluster, Net};

fn say() -> SayRequest {
    SayRequest::default()
}

#[tokio::test]
async fn calls_are_spread_over_all_instances() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _servers = [
            cluster.start("a").await,
            cluster.start("b").await,
            cluster.start("c").await,
        ];
        let (client, channel) = cluster.client();
        channel.ready(3).await;
        let mut spread: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..300 {
            *spread
                .entry(client.say(say()).await.unwrap().server_id)
                .or_default() += 1;
        }
        assert_eq!(spread.len(), 3, "{spread:?}");
    }
}

#[tokio::test]
async fn the_first_call_waits_for_the_first_instance() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        assert_eq!(client.say(say()).await.unwrap().server_id, "a");
        server.leave().await;
    }
}

#[tokio::test]
async fn an_unknown_service_fails_at_once() {
    let cluster = Cluster::new(Net::Grpc);
    let (client, _) = cluster.client();
    let error = client.say(say()).await.unwrap_err();
    assert_eq!(error.class(), Class::NoEndpoint);
}

#[tokio::test]
async fn wait_for_ready_waits_for_a_server_that_comes() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let (client, _) = cluster.client();
        let options = CallOptions::new()
            .wait_for_ready(true)
            .deadline(Duration::from_secs(20));
        let waiting = tokio::spawn(async move { client.say_with(say(), &options).await });
        tokio::task::yield_now().await;
        let _server = cluster.start("late").await;
        assert_eq!(waiting.await.unwrap().unwrap().server_id, "late");
    }
}

#[tokio::test]
async fn dead_instances_are_never_picked() {
    let cluster = Cluster::new(Net::Grpc);
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = dead.local_addr().unwrap();
    drop(dead);
    let _dead = cluster.register(address.into()).await;
    let _server = cluster.start("alive").await;
    let (client, channel) = cluster.client();
    channel.ready(1).await;
    for _ in 0..100 {
        assert_eq!(client.say(say()).await.unwrap().server_id, "alive");
    }
    assert_eq!(channel.nodes().len(), 2);
}

#[tokio::test]
async fn statistics_and_connections_survive_discovery_updates() {
    let cluster = Cluster::new(Net::Grpc);
    let _server = cluster.start("a").await;
    let (client, channel) = cluster.client();
    channel.ready(1).await;
    let slow = SayRequest {
        delay_ms: 300,
        ..say()
    };
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.say(slow).await }
    });
    for _ in 0..20 {
        let address = Address::tcp("127.0.0.1", 1);
        cluster.register(address).await.close().await.unwrap();
    }
    call.await.unwrap().unwrap();
    assert!(channel.nodes().iter().any(|node| node.state == "ready"));
}

#[tokio::test]
async fn a_graceful_stop_fails_no_call() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let first = cluster.start("a").await;
        let _second = cluster.start("b").await;
        let (client, channel) = cluster.client();
        channel.ready(2).await;
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let (client, channel) = (client.clone(), channel.clone());
                tokio::spawn(async move {
                    let mut calls = 0;
                    while channel.nodes().len() > 1 {
                        let request = SayRequest {
                            delay_ms: 2,
                            ..say()
                        };
                        client.say(request).await.unwrap();
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        assert!(!first.leave().await.cut());
        for caller in callers {
            assert!(caller.await.unwrap() > 0);
        }
    }
}

#[tokio::test]
async fn idempotent_calls_survive_a_killed_instance() {
    let net = Net::both()[1].clone();
    let Net::Memory(memory) = net.clone() else {
        unreachable!("the second wire is the memory")
    };
    let cluster = Cluster::new(net);
    let _servers = [cluster.start("a").await, cluster.start("b").await];
    let (client, channel) = cluster.client();
    channel.ready(2).await;
    // Of a service that has never answered, its breaker believes the worst.
    for _ in 0..100 {
        client.say(say()).await.unwrap();
    }
    let call = |idempotent: bool| {
        let client = client.clone();
        let options = CallOptions::new()
            .idempotent(idempotent)
            .deadline(Duration::from_secs(20));
        let request = SayRequest {
            delay_ms: 200,
            ..say()
        };
        tokio::spawn(async move { client.say_with(request, &options).await })
    };
    let idempotent: Vec<_> = (0..20).map(|_| call(true)).collect();
    let plain: Vec<_> = (0..20).map(|_| call(false)).collect();
    while _servers[0].logic.in_flight() < 2 {
        tokio::task::yield_now().await;
    }
    memory.kill("a");
    for call in idempotent {
        call.await.unwrap().unwrap();
    }
    let mut lost = 0;
    for call in plain {
        if let Err(error) = call.await.unwrap() {
            assert_eq!(error.class(), Class::ConnectionLost);
            lost += 1;
        }
    }
    assert!(lost > 0, "the killed instance had calls in flight");
}

#[tokio::test]
async fn foreign_servers_are_a_clear_connect_failure() {
    // A peer that speaks HTTP/1 to whoever connects.
    let http1 = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = http1.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = http1.accept().await {
            let _ = tcp
                .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    });
    let dial = Net::Grpc.dial();
    let by = tokio::time::Instant::now() + Duration::from_secs(5);
    let Err(error) = dial.dial(&address.into(), by).await else {
        panic!("it is no gRPC server")
    };
    assert_eq!(error.class(), Class::ConnectFailed);
    assert!(error.message().contains("does not speak HTTP/2"), "{error}");
}

#[tokio::test]
async fn http1_on_a_grpc_port_gets_a_clear_answer() {
    let cluster = Cluster::new(Net::Grpc);
    let server = cluster.start("a").await;
    let mut tcp = TcpStream::connect(server.address.to_string())
        .await
        .unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 505"), "{answer}");
    // TLS is recognised and refused; the server lives on.
    let mut tcp = TcpStream::connect(server.address.to_string())
        .await
        .unwrap();
    tcp.write_all(&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
        .await
        .unwrap();
    let mut nothing = Vec::new();
    let _ = tcp.read_to_end(&mut nothing).await;
    let client = EchoClient::new(cluster.channel(&ClientConfig::default()));
    client.say(say()).await.unwrap();
}
