//! Cases of streams that end well.

use super::Target;
use super::check::{Checked, Failure, equal, is_zeros, zeros};
use crate::api::grpc::testing::{
    ResponseParameters, StreamingInputCallRequest, StreamingOutputCallRequest,
};

/// Bytes of payload in the messages of a stream, and in the answers to them.
const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSES: [i32; 4] = [31_415, 9, 2_653, 58_979];

/// Asks for one answer of `size` bytes.
pub(super) fn one_answer(size: i32) -> Vec<ResponseParameters> {
    vec![ResponseParameters {
        size,
        ..Default::default()
    }]
}

fn bytes(size: i32) -> usize {
    usize::try_from(size).unwrap_or_default()
}

pub(super) async fn client_streaming(target: &Target) -> Checked {
    let mut stream = target.test.streaming_input_call().await?;
    for size in REQUESTS {
        stream
            .send(StreamingInputCallRequest {
                payload: zeros(size),
                ..Default::default()
            })
            .await?;
    }
    let reply = stream.finish().await?.into_inner();
    let sum = i32::try_from(REQUESTS.iter().sum::<usize>()).unwrap_or(i32::MAX);
    equal("sum of the payloads", &reply.aggregated_payload_size, &sum)
}

pub(super) async fn server_streaming(target: &Target) -> Checked {
    let request = StreamingOutputCallRequest {
        response_parameters: RESPONSES.into_iter().flat_map(one_answer).collect(),
        ..Default::default()
    };
    let replies = target.test.streaming_output_call(request).await?;
    let replies = replies.collect().await?;
    equal("number of answers", &replies.len(), &RESPONSES.len())?;
    for (reply, size) in replies.iter().zip(RESPONSES) {
        is_zeros(reply.payload.as_ref(), bytes(size))?;
    }
    Ok(())
}

pub(super) async fn ping_pong(target: &Target) -> Checked {
    let (mut tx, mut rx) = target.test.full_duplex_call().await?;
    for (request, response) in REQUESTS.into_iter().zip(RESPONSES) {
        tx.send(StreamingOutputCallRequest {
            response_parameters: one_answer(response),
            payload: zeros(request),
            ..Default::default()
        })
        .await?;
        let reply = rx.recv().await?;
        let reply = reply.ok_or_else(|| Failure::new("the stream ended too early"))?;
        is_zeros(reply.payload.as_ref(), bytes(response))?;
    }
    tx.close();
    equal("after the last answer", &rx.recv().await?, &None)
}

pub(super) async fn empty_stream(target: &Target) -> Checked {
    let (mut tx, mut rx) = target.test.full_duplex_call().await?;
    tx.close();
    equal("the first answer", &rx.recv().await?, &None)
}

pub(super) async fn half_duplex(target: &Target) -> Checked {
    let (mut tx, rx) = target.test.half_duplex_call().await?;
    for size in RESPONSES {
        tx.send(StreamingOutputCallRequest {
            response_parameters: one_answer(size),
            ..Default::default()
        })
        .await?;
    }
    tx.close();
    let replies = rx.collect().await?;
    equal("number of answers", &replies.len(), &RESPONSES.len())?;
    for (reply, size) in replies.iter().zip(RESPONSES) {
        is_zeros(reply.payload.as_ref(), bytes(size))?;
    }
    Ok(())
}
