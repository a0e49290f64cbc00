//! Cases of calls that end otherwise than with an answer, and of what comes beside answers.

use std::time::Duration;

use rzero::{CallOptions, Code};

use super::Target;
use super::check::{
    Checked, Failure, INITIAL_VALUE, TRAILING_VALUE, equal, failed_with, is_echoed, is_zeros, zeros,
};
use super::streams::one_answer;
use crate::api::grpc::testing::{EchoStatus, Empty, SimpleRequest, StreamingOutputCallRequest};
use crate::{ECHO_INITIAL, ECHO_TRAILING};

const SPECIAL_MESSAGE: &str = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

pub(super) async fn timeout_on_sleeping_server(target: &Target) -> Checked {
    let options = CallOptions::new().deadline(Duration::from_millis(1));
    let what = "a stream of 1 ms";
    let opened = target.test.full_duplex_call_with(&options).await;
    let (mut tx, mut rx) = match opened {
        Ok(stream) => stream,
        // Time can be up before the stream is open.
        Err(error) => {
            return failed_with::<()>(what, Err(error), Code::DeadlineExceeded).map(drop);
        }
    };
    let request = StreamingOutputCallRequest {
        payload: zeros(27_182),
        ..Default::default()
    };
    if let Err(error) = tx.send(request).await {
        failed_with::<()>(what, Err(error), Code::DeadlineExceeded)?;
    }
    failed_with(what, rx.recv().await, Code::DeadlineExceeded).map(drop)
}

/// A client gives a call up by dropping it. That the server hears of it is asserted where the
/// server is ours; here: nothing else on the connection suffers.
pub(super) async fn cancel_after_begin(target: &Target) -> Checked {
    let stream = target.test.streaming_input_call().await?;
    drop(stream);
    connection_is_well(target).await
}

pub(super) async fn cancel_after_first_response(target: &Target) -> Checked {
    let (mut tx, mut rx) = target.test.full_duplex_call().await?;
    let request = || StreamingOutputCallRequest {
        response_parameters: one_answer(31_415),
        payload: zeros(27_182),
        ..Default::default()
    };
    tx.send(request()).await?;
    let reply = rx.recv().await?;
    let reply = reply.ok_or_else(|| Failure::new("the stream ended before its first answer"))?;
    is_zeros(reply.payload.as_ref(), 31_415)?;
    drop(rx);
    if tx.send(request()).await.is_ok() {
        return Err(Failure::new("a stream that was given up took a message"));
    }
    connection_is_well(target).await
}

async fn connection_is_well(target: &Target) -> Checked {
    equal(
        "answer",
        &target.test.empty_call(Empty {}).await?,
        &Empty {},
    )?;
    equal("servers of the channel", &target.channel.nodes().len(), &1)
}

pub(super) async fn status_code_and_message(target: &Target) -> Checked {
    let text = "test status message";
    let status = Some(EchoStatus {
        code: 2,
        message: text.to_owned(),
    });
    let request = SimpleRequest {
        response_status: status.clone(),
        ..Default::default()
    };
    let result = target.test.unary_call(request).await;
    let error = failed_with("unary", result, Code::Unknown)?;
    equal("message, unary", &error.message(), &text)?;

    let (mut tx, mut rx) = target.test.full_duplex_call().await?;
    tx.send(StreamingOutputCallRequest {
        response_status: status,
        ..Default::default()
    })
    .await?;
    tx.close();
    let error = failed_with("stream", rx.recv().await, Code::Unknown)?;
    equal("message, stream", &error.message(), &text)
}

pub(super) async fn special_status_message(target: &Target) -> Checked {
    let request = SimpleRequest {
        response_status: Some(EchoStatus {
            code: 2,
            message: SPECIAL_MESSAGE.to_owned(),
        }),
        ..Default::default()
    };
    let result = target.test.unary_call(request).await;
    let error = failed_with("unary", result, Code::Unknown)?;
    equal("message", &error.message(), &SPECIAL_MESSAGE)
}

pub(super) async fn custom_metadata(target: &Target) -> Checked {
    let invalid = |error| Failure::new(format!("metadata that must be allowed: {error}"));
    let options = CallOptions::new()
        .metadata(ECHO_INITIAL, INITIAL_VALUE)
        .and_then(|options| options.metadata_binary(ECHO_TRAILING, TRAILING_VALUE))
        .map_err(invalid)?;
    let request = SimpleRequest {
        response_size: 1,
        payload: zeros(1),
        ..Default::default()
    };
    let reply = target.test.unary_call_with(request, &options).await?;
    is_zeros(reply.body.payload.as_ref(), 1)?;
    is_echoed(&reply.headers, &reply.trailers)?;

    let (mut tx, mut rx) = target.test.full_duplex_call_with(&options).await?;
    tx.send(StreamingOutputCallRequest {
        response_parameters: one_answer(1),
        payload: zeros(1),
        ..Default::default()
    })
    .await?;
    let reply = rx.recv().await?;
    let reply = reply.ok_or_else(|| Failure::new("the stream ended before its first answer"))?;
    is_zeros(reply.payload.as_ref(), 1)?;
    let headers = rx.headers();
    let headers = headers.ok_or_else(|| Failure::new("no initial metadata with the answer"))?;
    tx.close();
    equal("after the answer", &rx.recv().await?, &None)?;
    let trailers = rx.trailers();
    let trailers = trailers.ok_or_else(|| Failure::new("no trailing metadata at the end"))?;
    is_echoed(&headers, &trailers)
}

pub(super) async fn unimplemented_method(target: &Target) -> Checked {
    let result = target.test.unimplemented_call(Empty {}).await;
    failed_with("unknown method", result, Code::Unimplemented)?;
    connection_is_well(target).await
}

pub(super) async fn unimplemented_service(target: &Target) -> Checked {
    let result = target.unimplemented.unimplemented_call(Empty {}).await;
    failed_with("unknown service", result, Code::Unimplemented)?;
    connection_is_well(target).await
}
