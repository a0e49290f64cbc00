//! All kinds of call, with metadata and errors, on both wires.

use std::collections::HashMap;

use rzero::bytes::Bytes;
use rzero::{CallOptions, Class, Code};
use rzero_e2e::api::peers::v1::{ChatRequest, CountRequest, SayRequest, SumRequest};

use crate::support::{Cluster, Net};

fn say(text: &str) -> SayRequest {
    SayRequest {
        text: text.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn unary_calls_carry_messages_and_metadata() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let options = CallOptions::new()
            .metadata("echo-header-x", "1")
            .and_then(|o| o.metadata("echo-trailer-y", "2"))
            .and_then(|o| o.metadata_binary("echo-header-z-bin", Bytes::from_static(&[0, 255])))
            .unwrap();
        let request = SayRequest {
            return_metadata: true,
            ..say("hi")
        };
        let reply = client.say_with(request, &options).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.server_id.as_str()), ("hi", "a"));
        assert_eq!(reply.headers.get("echo-header-x"), Some("1"));
        assert_eq!(
            reply.headers.get_binary("echo-header-z-bin").unwrap()[..],
            [0, 255]
        );
        assert_eq!(reply.trailers.get("echo-trailer-y"), Some("2"));
        assert_eq!(reply.metadata["echo-header-z-bin"], "AP8=");
        assert!(!server.leave().await.cut());
    }
}

#[tokio::test]
async fn errors_keep_code_details_and_trailers() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _server = cluster.start("a").await;
        let (client, _) = cluster.client();
        for number in 1..=16_u32 {
            let code = Code::from_number(number).unwrap();
            let options = CallOptions::new().metadata("echo-trailer-t", "v").unwrap();
            let tags = HashMap::from([("k".to_owned(), "v".to_owned())]);
            let fail_code = i32::try_from(number).unwrap();
            let request = SayRequest {
                fail_code,
                tags,
                ..say("wörld: 100%")
            };
            let error = client.say_with(request, &options).await.unwrap_err();
            assert_eq!((error.code(), error.message()), (code, "wörld: 100%"));
            assert_eq!(
                (error.reason(), error.domain()),
                ("REQUESTED_FAILURE", "peers.v1")
            );
            assert_eq!(error.metadata().collect::<Vec<_>>(), [("k", "v")]);
            assert_eq!(error.trailers().unwrap().get("echo-trailer-t"), Some("v"));
        }
    }
}

#[tokio::test]
async fn server_streams_end_well_or_with_an_error() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let request = CountRequest {
            count: 200,
            ..Default::default()
        };
        let values = client
            .count(request)
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        assert!(values.iter().map(|v| v.value).eq(1..=200));
        let options = CallOptions::new().metadata("echo-header-h", "1").unwrap();
        let request = CountRequest {
            count: 2,
            fail_code: 7,
            ..Default::default()
        };
        let mut values = client.count_with(request, &options).await.unwrap();
        assert!(values.recv().await.unwrap().is_some());
        assert_eq!(values.headers().unwrap().get("echo-header-h"), Some("1"));
        assert!(values.recv().await.unwrap().is_some());
        let error = values.recv().await.unwrap_err();
        assert_eq!(error.class(), Class::PermissionDenied);
    }
}

#[tokio::test]
async fn client_streams_are_answered_once() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let mut sum = client.sum().await.unwrap();
        for value in 1..=100 {
            sum.send(SumRequest { value }).await.unwrap();
        }
        let reply = sum.finish().await.unwrap();
        assert_eq!((reply.sum, reply.count), (5050, 100));
    }
}

#[tokio::test]
async fn bidi_streams_answer_each_message() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let (mut tx, mut rx) = client.chat().await.unwrap();
        for seq in 1..=50 {
            let payload = Bytes::from(vec![7; 3000]);
            tx.send(ChatRequest {
                text: seq.to_string(),
                payload,
            })
            .await
            .unwrap();
            let reply = rx.recv().await.unwrap().unwrap();
            assert_eq!((reply.seq, reply.payload.len()), (seq, 3000));
        }
        tx.close();
        assert!(rx.recv().await.unwrap().is_none());
        assert!(rx.trailers().is_some());
    }
}

#[tokio::test]
async fn large_messages_pass_and_larger_ones_are_refused() {
    let cluster = Cluster::new(Net::Grpc);
    let _server = cluster.start("a").await;
    let (client, _) = cluster.client();
    let payload = |bytes: usize| SayRequest {
        payload: vec![1; bytes].into(),
        ..say("big")
    };
    let reply = client.say(payload(3 << 20)).await.unwrap();
    assert_eq!(reply.payload.len(), 3 << 20);
    let error = client.say(payload(5 << 20)).await.unwrap_err();
    assert_eq!(error.class(), Class::TooLarge);
    client.say(say("still alive")).await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_drops_its_handler() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, channel) = cluster.client();
        channel.ready(1).await;
        let slow = SayRequest {
            delay_ms: 600_000,
            ..say("slow")
        };
        let call = tokio::spawn(async move { client.say(slow).await });
        while server.logic.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        call.abort();
        while server.logic.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_dropped_receiver_cancels_the_stream() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let request = CountRequest {
            count: i64::MAX,
            ..Default::default()
        };
        let mut values = client.count(request).await.unwrap();
        values.recv().await.unwrap();
        assert_eq!(server.logic.in_flight(), 1);
        drop(values);
        while server.logic.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_dropped_upload_is_not_taken_for_a_whole_one() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let server = cluster.start("a").await;
        let (client, _) = cluster.client();
        let mut sum = client.sum().await.unwrap();
        sum.send(SumRequest { value: 1 }).await.unwrap();
        while server.logic.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        drop(sum);
        while server.logic.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_slow_reader_holds_the_writer_back() {
    let cluster = Cluster::new(Net::Grpc);
    let _server = cluster.start("a").await;
    let (client, _) = cluster.client();
    let (mut tx, mut rx) = client.chat().await.unwrap();
    // Nobody reads the answers: sending must come to a stop, well before memory fills.
    let mut sent = 0_usize;
    let payload = Bytes::from(vec![0; 256 << 10]);
    while let Ok(result) = tokio::time::timeout(
        std::time::Duration::from_millis(300),
        tx.send(ChatRequest {
            text: String::new(),
            payload: payload.clone(),
        }),
    )
    .await
    {
        result.unwrap();
        sent += 1;
        assert!(sent < 400, "100 MiB were taken without a reader");
    }
    // Once it reads, everything arrives.
    tx.close();
    let mut received = 0;
    while rx.recv().await.unwrap().is_some() {
        received += 1;
    }
    assert_eq!(received, sent);
}
