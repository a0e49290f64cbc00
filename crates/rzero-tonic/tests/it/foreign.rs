//! tonic's own channel against our server, with either side's service on it.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::channel::every_kind;
use crate::probe::SayRequest;
use crate::support::{Net, Server, Side, soon};

#[tokio::test]
async fn every_kind_of_call_reaches_a_mounted_service() {
    let server = Server::start(&Net::Grpc, Side::Theirs).await;
    soon(every_kind(server.foreign_client().await)).await;
}

#[tokio::test]
async fn every_kind_of_call_reaches_our_service() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    soon(every_kind(server.foreign_client().await)).await;
}

#[tokio::test]
async fn head_of_a_mounted_stream_comes_before_its_first_message() {
    let server = Server::start(&Net::Grpc, Side::Theirs).await;
    let mut client = server.foreign_client().await;
    let (tx, rx) = mpsc::channel(1);
    let replies = soon(client.chat(ReceiverStream::new(rx))).await.unwrap();
    tx.send(SayRequest::default()).await.unwrap();
    assert!(
        soon(replies.into_inner().message())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn dropped_call_drops_the_handler() {
    let server = Server::start(&Net::Grpc, Side::Theirs).await;
    let mut client = server.foreign_client().await;
    let hanging = SayRequest {
        hang: true,
        ..SayRequest::default()
    };
    let call = tokio::spawn(async move { client.say(hanging).await });
    server.calls.inside(1).await;
    call.abort();
    server.calls.inside(0).await;
}

#[tokio::test]
async fn deadline_over_the_hop_ends_the_handler() {
    let server = Server::start(&Net::Grpc, Side::Theirs).await;
    let mut client = server.foreign_client().await;
    let mut request = tonic::Request::new(SayRequest {
        hang: true,
        ..SayRequest::default()
    });
    request.set_timeout(std::time::Duration::from_millis(100));
    let status = soon(client.say(request)).await.unwrap_err();
    // tonic's own timer may win: it calls that `Cancelled`.
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status:?}"
    );
    server.calls.inside(0).await;
}

/// Far more than a connection may hold or keep waiting at a time, in both directions.
#[tokio::test]
async fn many_large_calls_on_one_connection_all_end_well() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    let client = server.foreign_client().await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..64 {
        let mut client = client.clone();
        calls.spawn(async move {
            let request = SayRequest {
                payload: vec![n; 1 << 20],
                ..SayRequest::default()
            };
            let reply = client.say(request).await.unwrap().into_inner();
            assert!(reply.payload == vec![n; 1 << 20]);
        });
    }
    soon(async { while calls.join_next().await.map(Result::unwrap).is_some() {} }).await;
}
