//! Cases of compressed messages.
//!
//! They need a server that takes gzip, which not every implementation does by default. Our wire
//! compresses by channel and not by message, and handlers do not see how a message came: so the
//! first half of these cases elsewhere, a message that claims to be compressed and is not, cannot
//! be sent, and our own server does not refuse it. That bytes really are fewer is asserted where
//! they are counted.

use super::Target;
use super::check::{Checked, equal, is_zeros, zeros};
use super::streams::one_answer;
use crate::api::grpc::testing::{
    BoolValue, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest,
};

const YES: Option<BoolValue> = Some(BoolValue { value: true });
const NO: Option<BoolValue> = Some(BoolValue { value: false });

pub(super) async fn client_unary(target: &Target) -> Checked {
    let request = SimpleRequest {
        expect_compressed: YES,
        response_size: 314_159,
        payload: zeros(271_828),
        ..Default::default()
    };
    let reply = target.compressing().await?.unary_call(request).await?;
    is_zeros(reply.payload.as_ref(), 314_159)
}

pub(super) async fn server_unary(target: &Target) -> Checked {
    let client = target.compressing().await?;
    for response_compressed in [YES, NO] {
        let request = SimpleRequest {
            response_compressed,
            response_size: 314_159,
            payload: zeros(271_828),
            ..Default::default()
        };
        let reply = client.unary_call(request).await?;
        is_zeros(reply.payload.as_ref(), 314_159)?;
    }
    Ok(())
}

pub(super) async fn client_streaming(target: &Target) -> Checked {
    let client = target.compressing().await?;
    let mut stream = client.streaming_input_call().await?;
    for size in [27_182, 45_904] {
        stream
            .send(StreamingInputCallRequest {
                payload: zeros(size),
                expect_compressed: YES,
            })
            .await?;
    }
    let reply = stream.finish().await?.into_inner();
    equal("sum", &reply.aggregated_payload_size, &73_086)
}

pub(super) async fn server_streaming(target: &Target) -> Checked {
    let answer = |size: i32, compressed: Option<BoolValue>| {
        let asked = one_answer(size).into_iter();
        asked.map(move |asked| ResponseParameters {
            compressed,
            ..asked
        })
    };
    let request = StreamingOutputCallRequest {
        response_parameters: answer(31_415, YES).chain(answer(92_653, NO)).collect(),
        // Answers are compressed like requests, and only what shrinks is compressed at all.
        payload: zeros(4_096),
        ..Default::default()
    };
    let client = target.compressing().await?;
    let replies = client.streaming_output_call(request).await?;
    let replies = replies.collect().await?;
    equal("number of answers", &replies.len(), &2)?;
    is_zeros(replies[0].payload.as_ref(), 31_415)?;
    is_zeros(replies[1].payload.as_ref(), 92_653)
}
