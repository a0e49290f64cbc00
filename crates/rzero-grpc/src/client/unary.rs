//! Unary calls.

use bytes::Bytes;
use http::HeaderMap;
use rzero_core::{Call, Class, Error, Metadata, Reply, ReplyMetadata};

use super::InFlight;
use crate::frame::{Deframer, frame};
use crate::{RECEIVE_BYTES_MAX, headers};

pub(super) async fn call(scope: InFlight, call: Call<Bytes>) -> Result<Reply<Bytes>, Error> {
    let (response, mut body) = scope.0.begin(&call.info)?;
    // A peer that answered before it read the message is heard out below.
    let _ = body.send_data(frame(&call.body), true);
    let response = response.await.map_err(|e| headers::stream_error(&e))?;
    let (head, mut body) = response.into_parts();
    check_head(&head)?;
    let metadata = headers::read(&head.headers);
    if let Some(Err(error)) = headers::read_status(&head.headers) {
        return Err(with_metadata(error, Metadata::new(), metadata));
    }
    let mut deframer = Deframer::new(RECEIVE_BYTES_MAX);
    let mut message = None;
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|e| headers::stream_error(&e))?;
        headers::consume(&mut body, &chunk)?;
        deframer.push(&chunk);
        while let Some(next) = deframer.next()? {
            if message.replace(next).is_some() {
                return Err(Error::new(
                    Class::BadAnswer,
                    "more than one message in the answer",
                ));
            }
        }
    }
    let trailers = body
        .trailers()
        .await
        .map_err(|e| headers::stream_error(&e))?;
    let trailers = end(&head.headers, trailers)?;
    let (status, trailers) = (trailers.0, trailers.1);
    if let Err(error) = status {
        return Err(with_metadata(error, metadata, trailers));
    }
    if deframer.is_torn() {
        return Err(headers::torn());
    }
    let missing = || Error::new(Class::BadAnswer, "no message in the answer");
    Ok(Reply {
        body: message.ok_or_else(missing)?,
        headers: metadata,
        trailers,
    })
}

/// An answer must be gRPC, or its HTTP status is all there is to say.
pub(super) fn check_head(head: &http::response::Parts) -> Result<(), Error> {
    let content = head.headers.get(http::header::CONTENT_TYPE);
    let is_grpc = content.is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"));
    let has_status = head.headers.contains_key("grpc-status");
    if head.status != http::StatusCode::OK && !has_status {
        return Err(headers::http_error(head.status));
    }
    if !is_grpc && !has_status {
        return Err(Error::new(
            Class::Unknown,
            "the peer answered with something that is not gRPC",
        ));
    }
    Ok(())
}

/// The status and the trailing metadata of a call that ended; both may stand in its head.
pub(super) fn end(
    head: &HeaderMap,
    trailers: Option<HeaderMap>,
) -> Result<(Result<(), Error>, Metadata), Error> {
    let trailers = trailers.unwrap_or_default();
    let status = headers::read_status(&trailers).or_else(|| headers::read_status(head));
    let missing = || Error::new(Class::BadAnswer, "the answer ended without a status");
    Ok((status.ok_or_else(missing)?, headers::read(&trailers)))
}

pub(super) fn with_metadata(error: Error, headers: Metadata, trailers: Metadata) -> Error {
    error.with_reply_metadata(ReplyMetadata { headers, trailers })
}
