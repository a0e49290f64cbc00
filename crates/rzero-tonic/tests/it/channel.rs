//! Every kind of call by tonic-generated clients on our channel, with either side serving.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::{Bytes, StdError};
use tonic::{Code, Request};

use crate::probe::probe_client::ProbeClient;
use crate::probe::{CountRequest, Number, SayRequest};
use crate::support::{Net, Server, Side, add_metadata, assert_failure, assert_metadata, soon};

fn say(text: &str) -> SayRequest {
    SayRequest {
        text: text.into(),
        ..SayRequest::default()
    }
}

fn number(value: i64) -> Number {
    Number {
        value,
        ..Number::default()
    }
}

/// Every kind of call, with metadata both ways and with failures.
pub(crate) async fn every_kind<T>(mut client: ProbeClient<T>)
where
    T: GrpcService<Body> + Clone,
    T::Error: Into<StdError>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    unary(&mut client).await;
    server_stream(&mut client).await;
    client_stream(&mut client).await;
    bidi(&mut client).await;
}

async fn unary<T>(client: &mut ProbeClient<T>)
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    let mut request = Request::new(say("hi"));
    add_metadata(request.metadata_mut());
    request.set_timeout(Duration::from_secs(20));
    let reply = client.say(request).await.unwrap();
    assert_metadata(reply.metadata());
    let reply = reply.into_inner();
    assert_eq!(reply.text, "hi");
    assert!((1..=20_000).contains(&reply.left_ms), "{}", reply.left_ms);
    let mut request = Request::new(say("no"));
    request.get_mut().fail_code = Code::FailedPrecondition.into();
    add_metadata(request.metadata_mut());
    let status = client.say(request).await.unwrap_err();
    assert_failure(status, Code::FailedPrecondition);
}

async fn server_stream<T>(client: &mut ProbeClient<T>)
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    for count in [0, 1, 5] {
        let mut request = Request::new(CountRequest {
            count,
            padding: 2000,
            ..CountRequest::default()
        });
        add_metadata(request.metadata_mut());
        let reply = client.count(request).await.unwrap();
        assert_metadata(reply.metadata());
        let mut numbers = reply.into_inner();
        for value in 1..=count {
            let number = numbers.message().await.unwrap().unwrap();
            assert_eq!((number.value, number.padding.len()), (value.into(), 2000));
        }
        assert!(numbers.message().await.unwrap().is_none());
    }
    let mut numbers = client
        .count(CountRequest {
            count: 2,
            fail_code: Code::NotFound.into(),
            ..CountRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(numbers.message().await.unwrap().unwrap().value, 1);
    assert_eq!(numbers.message().await.unwrap().unwrap().value, 2);
    assert_failure(numbers.message().await.unwrap_err(), Code::NotFound);
}

async fn client_stream<T>(client: &mut ProbeClient<T>)
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    for count in [0, 1, 1000] {
        let mut request = Request::new(tokio_stream::iter((1..=count).map(number)));
        add_metadata(request.metadata_mut());
        let reply = client.sum(request).await.unwrap();
        assert_metadata(reply.metadata());
        assert_eq!(reply.into_inner().value, count * (count + 1) / 2);
    }
    // Messages that come one by one.
    let (tx, rx) = mpsc::channel(1);
    let sender = tokio::spawn(async move {
        for value in 1..=100 {
            tx.send(number(value)).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let reply = client.sum(ReceiverStream::new(rx)).await.unwrap();
    assert_eq!(reply.into_inner().value, 5050);
    sender.await.unwrap();
}

async fn bidi<T>(client: &mut ProbeClient<T>)
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    let (tx, rx) = mpsc::channel(4);
    tx.send(say("0")).await.unwrap();
    let mut request = Request::new(ReceiverStream::new(rx));
    add_metadata(request.metadata_mut());
    let reply = client.chat(request).await.unwrap();
    assert_metadata(reply.metadata());
    let mut replies = reply.into_inner();
    for turn in 0..50 {
        let reply = replies.message().await.unwrap().unwrap();
        assert_eq!(reply.text, turn.to_string());
        tx.send(say(&(turn + 1).to_string())).await.unwrap();
    }
    assert_eq!(replies.message().await.unwrap().unwrap().text, "50");
    drop(tx);
    assert!(replies.message().await.unwrap().is_none());
    let failing = SayRequest {
        fail_code: Code::Aborted.into(),
        ..SayRequest::default()
    };
    let requests = tokio_stream::iter([say("well"), failing]);
    let mut replies = client.chat(requests).await.unwrap().into_inner();
    assert_eq!(replies.message().await.unwrap().unwrap().text, "well");
    assert_failure(replies.message().await.unwrap_err(), Code::Aborted);
}

#[tokio::test]
async fn every_kind_of_call_reaches_our_service() {
    for net in Net::both() {
        let server = Server::start(&net, Side::Ours).await;
        soon(every_kind(server.client())).await;
    }
}

#[tokio::test]
async fn every_kind_of_call_reaches_a_mounted_service() {
    for net in Net::both() {
        let server = Server::start(&net, Side::Theirs).await;
        soon(every_kind(server.client())).await;
    }
}

#[tokio::test]
async fn no_contract_is_needed() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    soon(every_kind(server.blind_client())).await;
    for net in Net::both() {
        let server = Server::start(&net, Side::Theirs).await;
        soon(every_kind(server.blind_client())).await;
    }
}

#[tokio::test]
async fn answer_begins_before_the_first_message_is_sent() {
    for net in Net::both() {
        for side in [Side::Ours, Side::Theirs] {
            let server = Server::start(&net, side).await;
            let (tx, rx) = mpsc::channel(1);
            let mut client = server.client();
            let reply = client.chat(ReceiverStream::new(rx));
            let mut replies = soon(reply).await.unwrap().into_inner();
            tx.send(say("late")).await.unwrap();
            let reply = soon(replies.message()).await.unwrap().unwrap();
            assert_eq!(reply.text, "late");
            drop(tx);
            assert!(soon(replies.message()).await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn metadata_that_comes_late_comes_with_the_end() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    let (tx, rx) = mpsc::channel(1);
    let mut request = Request::new(ReceiverStream::new(rx));
    add_metadata(request.metadata_mut());
    let reply = soon(server.client().chat(request)).await.unwrap();
    assert!(reply.metadata().get("echo-a").is_none());
    let mut replies = reply.into_inner();
    tx.send(say("x")).await.unwrap();
    drop(tx);
    assert_eq!(soon(replies.message()).await.unwrap().unwrap().text, "x");
    let trailers = soon(replies.trailers()).await.unwrap().unwrap();
    assert_metadata(&trailers);
}

#[tokio::test]
async fn requests_that_tonic_compressed_are_inflated() {
    use tonic::codec::CompressionEncoding::Gzip;
    for side in [Side::Ours, Side::Theirs] {
        let server = Server::start(&Net::Grpc, side).await;
        let client = server
            .client()
            .send_compressed(Gzip)
            .accept_compressed(Gzip);
        soon(every_kind(client)).await;
    }
}

#[tokio::test]
async fn metadata_that_cannot_travel_fails_the_call_by_name() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    let mut request = Request::new(say("x"));
    let odd = tonic::metadata::AsciiMetadataValue::try_from(&b"\xfe"[..]).unwrap();
    request.metadata_mut().insert("x-odd", odd);
    let status = server.client().say(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("x-odd"), "{status:?}");
}

#[tokio::test]
async fn options_in_the_extensions_hold_for_the_call() {
    let server = Server::start(&Net::Grpc, Side::Ours).await;
    let options = rzero_client::CallOptions::new()
        .deadline(Duration::from_secs(7))
        .metadata("echo-c", "of the options")
        .unwrap();
    let mut request = Request::new(say("x"));
    request.extensions_mut().insert(options);
    let reply = server.client().say(request).await.unwrap();
    assert_eq!(reply.metadata().get("echo-c").unwrap(), "of the options");
    assert!((1..=7_000).contains(&reply.into_inner().left_ms));
}
