//! Calls of every kind.

use rzero::prost_types::Any;
use rzero_conformance::api::connectrpc::conformance::v1::client_compat_request::{
    Cancel, cancel::CancelTiming,
};
use rzero_conformance::api::connectrpc::conformance::v1::client_compat_response::Result as Outcome;
use rzero_conformance::api::connectrpc::conformance::v1::conformance_payload::RequestInfo;
use rzero_conformance::api::connectrpc::conformance::v1::unary_response_definition::Response;
use rzero_conformance::api::connectrpc::conformance::v1::{
    BidiStreamRequest, ClientCompatRequest, ClientCompatResponse, ClientStreamRequest, Code, Error,
    ServerStreamRequest, StreamResponseDefinition, StreamType, UnaryRequest,
    UnaryResponseDefinition, UnimplementedRequest,
};
use rzero_conformance::client::{Client, run};
use rzero_conformance::delimited;
use rzero_conformance::server::Server;

use crate::support::{header, perform, plaintext, request};

fn unary(response: Response) -> UnaryRequest {
    UnaryRequest {
        response_definition: Some(UnaryResponseDefinition {
            response_headers: vec![
                header("x-head", &["a", "b"]),
                header("x-head-bin", &["AAE"]),
            ],
            response_trailers: vec![header("X-Tail", &["c"])],
            response: Some(response),
            ..UnaryResponseDefinition::default()
        }),
        request_data: "padding".into(),
    }
}

fn answers(data: &[&'static str], delay_ms: u32) -> StreamResponseDefinition {
    StreamResponseDefinition {
        response_headers: vec![header("x-head", &["a"])],
        response_data: data.iter().map(|&data| data.into()).collect(),
        response_delay_ms: delay_ms,
        response_trailers: vec![header("x-tail", &["c"])],
        ..StreamResponseDefinition::default()
    }
}

fn bidi(definition: StreamResponseDefinition, full_duplex: bool) -> [BidiStreamRequest; 2] {
    let first = BidiStreamRequest {
        response_definition: Some(definition),
        full_duplex,
        request_data: "1".into(),
    };
    let second = BidiStreamRequest {
        request_data: "2".into(),
        ..BidiStreamRequest::default()
    };
    [first, second]
}

fn failure() -> Error {
    Error {
        code: Code::FailedPrecondition.into(),
        message: Some("nö".to_owned()),
        details: vec![Any::from_msg(&header("x", &["y"])).unwrap()],
    }
}

fn cancelled_when(timing: CancelTiming) -> Option<Cancel> {
    Some(Cancel {
        cancel_timing: Some(timing),
    })
}

#[tokio::test]
async fn unary_call_is_echoed_with_its_metadata() {
    let server = Server::start(&plaintext()).await.unwrap();
    let message = unary(Response::ResponseData("data".into()));
    let mut wanted = request(&server, "Unary", std::slice::from_ref(&message));
    wanted.request_headers = vec![
        header("X-Sent", &["1", "2"]),
        header("x-sent-bin", &["AQ=="]),
    ];
    wanted.timeout_ms = Some(60_000);
    let got = perform(wanted).await;
    assert_eq!(got.error, None);
    assert_eq!(
        got.response_headers,
        [
            header("x-head", &["a", "b"]),
            header("x-head-bin", &["AAE"])
        ]
    );
    assert_eq!(got.response_trailers, [header("x-tail", &["c"])]);
    assert_eq!(got.payloads[0].data, "data");
    let info = got.payloads[0].request_info.clone().unwrap();
    assert_eq!(
        info.request_headers,
        [header("x-sent", &["1", "2"]), header("x-sent-bin", &["AQ"])]
    );
    assert!(
        info.timeout_ms
            .is_some_and(|left| (1..=60_000).contains(&left))
    );
    assert_eq!(info.requests, [Any::from_msg(&message).unwrap()]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn asked_error_comes_with_its_details_and_what_the_server_saw() {
    let server = Server::start(&plaintext()).await.unwrap();
    let message = unary(Response::Error(failure()));
    let got = perform(request(&server, "Unary", &[message])).await;
    let error = got.error.unwrap();
    assert_eq!(
        (error.code, error.message),
        (failure().code, failure().message)
    );
    assert_eq!(error.details[..1], failure().details);
    let info: RequestInfo = error.details[1].to_msg().unwrap();
    assert_eq!((info.requests.len(), info.timeout_ms), (1, None));
    assert_eq!(got.response_trailers, [header("x-tail", &["c"])]);
}

#[tokio::test]
async fn method_without_logic_is_unimplemented() {
    let server = Server::start(&plaintext()).await.unwrap();
    let got = perform(request(
        &server,
        "Unimplemented",
        &[UnimplementedRequest {}],
    ))
    .await;
    assert_eq!(got.error.unwrap().code(), Code::Unimplemented);
}

#[tokio::test]
async fn upload_is_answered_once() {
    let server = Server::start(&plaintext()).await.unwrap();
    let messages = [
        ClientStreamRequest::default(),
        ClientStreamRequest::default(),
    ];
    let got = perform(request(&server, "ClientStream", &messages)).await;
    assert_eq!((got.error, got.num_unsent_requests), (None, 0));
    let info = got.payloads[0].request_info.as_ref().unwrap();
    assert_eq!(info.requests.len(), 2);
}

#[tokio::test]
async fn download_gives_all_answers_before_its_error() {
    let server = Server::start(&plaintext()).await.unwrap();
    let message = ServerStreamRequest {
        response_definition: Some(StreamResponseDefinition {
            error: Some(failure()),
            ..answers(&["a", "b"], 1)
        }),
        ..ServerStreamRequest::default()
    };
    let got = perform(request(&server, "ServerStream", &[message])).await;
    let data: Vec<_> = got.payloads.iter().map(|p| p.data.clone()).collect();
    assert_eq!(data, ["a", "b"]);
    assert!(got.payloads[1].request_info.is_none());
    // The server saw an answer go out: the error tells nothing more.
    assert_eq!(got.error, Some(failure()));
    assert_eq!(got.response_headers, [header("x-head", &["a"])]);
    assert_eq!(got.response_trailers, [header("x-tail", &["c"])]);
}

#[tokio::test]
async fn full_duplex_answers_each_request_half_duplex_all() {
    let server = Server::start(&plaintext()).await.unwrap();
    for (full_duplex, seen) in [(true, [1, 1]), (false, [2, 0])] {
        let messages = bidi(answers(&["a", "b"], 0), full_duplex);
        let mut wanted = request(&server, "BidiStream", &messages);
        if full_duplex {
            wanted.set_stream_type(StreamType::FullDuplexBidiStream);
        }
        let got = perform(wanted).await;
        assert_eq!(got.error, None);
        let infos = got.payloads.iter().map(|p| p.request_info.as_ref());
        let told: Vec<_> = infos.map(|i| i.map_or(0, |i| i.requests.len())).collect();
        assert_eq!(told, seen, "full duplex: {full_duplex}");
    }
}

#[tokio::test]
async fn call_that_the_server_ends_early_keeps_its_trailers() {
    let server = Server::start(&plaintext()).await.unwrap();
    let definition = StreamResponseDefinition {
        error: Some(failure()),
        ..answers(&[], 0)
    };
    let mut wanted = request(&server, "BidiStream", &bidi(definition, true));
    wanted.set_stream_type(StreamType::FullDuplexBidiStream);
    let got = perform(wanted).await;
    assert_eq!(got.error.unwrap().code(), Code::FailedPrecondition);
    assert_eq!(got.response_headers, [header("x-head", &["a"])]);
    assert_eq!(got.response_trailers, [header("x-tail", &["c"])]);
}

#[tokio::test]
async fn calls_end_when_the_suite_wants_them_cancelled() {
    let server = Server::start(&plaintext()).await.unwrap();
    let slow = bidi(answers(&["a", "b"], 60_000), false);
    let fast = bidi(answers(&["a", "b"], 0), true);
    for (messages, timing, answered) in [
        (&slow, CancelTiming::BeforeCloseSend(()), 0),
        (&slow, CancelTiming::AfterCloseSendMs(5), 0),
        (&fast, CancelTiming::AfterNumResponses(1), 1),
    ] {
        let mut wanted = request(&server, "BidiStream", messages);
        if messages[0].full_duplex {
            wanted.set_stream_type(StreamType::FullDuplexBidiStream);
        }
        wanted.cancel = cancelled_when(timing);
        let got = perform(wanted).await;
        assert_eq!(got.error.unwrap().code(), Code::Canceled, "{timing:?}");
        assert_eq!(got.payloads.len(), answered, "{timing:?}");
    }
}

#[tokio::test]
async fn call_that_takes_too_long_exceeds_its_deadline() {
    let server = Server::start(&plaintext()).await.unwrap();
    let messages = bidi(answers(&["a"], 60_000), false);
    let mut wanted = request(&server, "BidiStream", &messages);
    wanted.timeout_ms = Some(50);
    let got = perform(wanted).await;
    assert_eq!(got.error.unwrap().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn impossible_request_is_told_apart_from_a_failed_call() {
    let server = Server::start(&plaintext()).await.unwrap();
    let none: [UnaryRequest; 0] = [];
    let answer = Client::new()
        .perform(request(&server, "Unary", &none))
        .await;
    assert!(matches!(answer.result, Some(Outcome::Error(_))));
}

#[tokio::test]
async fn client_answers_everything_it_reads() {
    let server = Server::start(&plaintext()).await.unwrap();
    let (mut runner, program) = tokio::io::duplex(64 << 10);
    let (input, output) = tokio::io::split(program);
    let program = tokio::spawn(run(input, output));
    let mut names = Vec::new();
    for index in 0..20 {
        let mut wanted: ClientCompatRequest = request(&server, "Unary", &[UnaryRequest::default()]);
        wanted.test_name = format!("call {index:02}");
        delimited::write(&mut runner, &wanted).await.unwrap();
        names.push(wanted.test_name);
    }
    tokio::io::AsyncWriteExt::shutdown(&mut runner)
        .await
        .unwrap();
    let mut told = Vec::new();
    while let Some(answer) = delimited::read::<ClientCompatResponse>(&mut runner)
        .await
        .unwrap()
    {
        told.push(answer.test_name);
        if told.len() == names.len() {
            break;
        }
    }
    told.sort();
    assert_eq!(told, names);
    program.await.unwrap().unwrap();
}
