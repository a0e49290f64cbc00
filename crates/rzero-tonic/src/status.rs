//! Our error as tonic's status, and back.

use http::{HeaderMap, HeaderValue};
use rzero_core::{Class, Code, Error, Metadata, ReplyMetadata};
use tonic::metadata::MetadataMap;
use tonic::{Code as TonicCode, Status};

use crate::headers;

const DETAILS: &str = "grpc-status-details-bin";

/// The status that tells a tonic caller of `error`: its code, its message, class, reason and
/// details as `google.rpc.Status`, and the metadata of the failed answer.
#[must_use]
pub fn to_status(error: &Error) -> Status {
    let mut fields = HeaderMap::new();
    if let Some(reply) = error.reply_metadata() {
        headers::write(&reply.headers, &mut fields);
        headers::write(&reply.trailers, &mut fields);
    }
    with_fields(error, fields)
}

fn with_fields(error: &Error, fields: HeaderMap) -> Status {
    let code = i32::try_from(error.code().number()).map_or(TonicCode::Unknown, TonicCode::from_i32);
    let details = rzero_proto::encode_details(error).unwrap_or_default();
    let metadata = MetadataMap::from_headers(fields);
    Status::with_details_and_metadata(code, error.message(), details, metadata)
}

/// The error that a tonic status stands for, with its details, and with its metadata as trailing
/// metadata of the answer. A status of code `Ok` is no error and becomes one of class `Unknown`.
///
/// It counts as the error of a call that this process made ([`Error::relayed`]): a handler that
/// passes it on has run, whatever the error says.
#[must_use]
pub fn from_status(status: Status) -> Error {
    of_status(status).relayed()
}

/// The same for a status that was made here.
pub(crate) fn of_status(status: Status) -> Error {
    let code = u32::try_from(i32::from(status.code())).ok();
    let code = code.and_then(Code::from_number).unwrap_or(Code::Unknown);
    let details = Some(status.details()).filter(|details| !details.is_empty());
    let error = rzero_proto::decode_error(code, status.message().to_owned(), details);
    let trailers = headers::read_lossy(status.metadata().clone().into_headers());
    let error = error.with_reply_metadata(ReplyMetadata {
        headers: Metadata::new(),
        trailers,
    });
    match std::error::Error::source(&status).map(ToString::to_string) {
        Some(source) => error.with_source(source),
        None => error,
    }
}

/// The status among header fields: `None` when there is none, `Ok` with trailing metadata when the
/// call succeeded.
pub(crate) fn read(mut fields: HeaderMap) -> Option<Result<Metadata, Error>> {
    let code = fields.get(Status::GRPC_STATUS)?;
    if code.as_bytes() == b"0" {
        return Some(Ok(headers::read_lossy(fields)));
    }
    // tonic panics on details that are not base64; they are dropped before it looks.
    let map = MetadataMap::from_headers(fields);
    let readable = map.get_bin(DETAILS).is_none_or(|d| d.to_bytes().is_ok());
    fields = map.into_headers();
    if !readable {
        fields.remove(DETAILS);
    }
    Status::from_header_map(&fields).map(|status| Err(of_status(status)))
}

/// The fields that end a call, with initial metadata of a failed answer among them.
pub(crate) fn write(end: Result<&Metadata, &Error>) -> HeaderMap {
    match end {
        Ok(trailers) => {
            let mut fields = HeaderMap::new();
            fields.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
            headers::write(trailers, &mut fields);
            fields
        }
        Err(error) => written(&to_status(error)),
    }
}

/// The fields that end a failed call, without its initial metadata.
pub(crate) fn write_end(error: &Error) -> HeaderMap {
    let mut fields = HeaderMap::new();
    if let Some(trailers) = error.trailers() {
        headers::write(trailers, &mut fields);
    }
    written(&with_fields(error, fields))
}

fn written(status: &Status) -> HeaderMap {
    let mut fields = HeaderMap::new();
    // tonic encodes message and details on the way, so nothing is left to fail.
    if status.add_header(&mut fields).is_err() {
        let code = HeaderValue::from(i32::from(status.code()));
        fields.insert(Status::GRPC_STATUS, code);
    }
    fields
}

/// The error of an answer that is not gRPC, by its HTTP status as the specification maps it.
pub(crate) fn of_http(status: http::StatusCode) -> Error {
    let class = match status.as_u16() {
        400 => Class::Internal,
        401 => Class::Unauthenticated,
        403 => Class::PermissionDenied,
        404 => Class::Unimplemented,
        429 | 502 | 503 | 504 => Class::Unavailable,
        _ => Class::Unknown,
    };
    let text = format!("the service answered with HTTP status {status} instead of gRPC");
    Error::new(class, text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn is_same(a: &Error, b: &Error) -> bool {
        (a.class(), a.code(), a.reason(), a.domain(), a.message())
            == (b.class(), b.code(), b.reason(), b.domain(), b.message())
            && a.violations() == b.violations()
            && a.details() == b.details()
            && a.retry_after() == b.retry_after()
            && a.metadata().eq(b.metadata())
    }

    fn rich() -> Error {
        Error::with_code(Code::FailedPrecondition, "ünïcode: 100%")
            .with_reason("EMPTY_CART", "shop")
            .with_metadata("cart", "7")
            .with_violation("items", "must not be empty")
            .with_retry_after(Duration::from_millis(1500))
            .with_detail("type.googleapis.com/x.Y", Bytes::from_static(b"raw"))
    }

    #[test]
    fn every_class_survives_a_status_and_header_fields() {
        let all = Class::ALL.iter().map(|class| Error::new(*class, "why"));
        for error in all.chain([rich()]) {
            assert!(
                is_same(&from_status(to_status(&error)), &error),
                "{error:?}"
            );
            let back = read(write(Err(&error))).unwrap().unwrap_err();
            assert!(is_same(&back, &error), "{error:?}");
        }
    }

    #[test]
    fn metadata_of_the_answer_survives() {
        let mut trailers = Metadata::new();
        trailers.insert("x-why", "because").unwrap();
        trailers.insert_binary("x-raw-bin", vec![0, 255]).unwrap();
        let error = Error::not_found("x").with_reply_metadata(ReplyMetadata {
            headers: Metadata::new(),
            trailers: trailers.clone(),
        });
        let back = read(write(Err(&error))).unwrap().unwrap_err();
        assert_eq!(back.trailers(), Some(&trailers));
        assert_eq!(read(write(Ok(&trailers))).unwrap().unwrap(), trailers);
    }

    #[test]
    fn unreadable_details_are_dropped() {
        let mut fields = write(Err(&rich()));
        fields.insert(DETAILS, HeaderValue::from_static("***"));
        let error = read(fields).unwrap().unwrap_err();
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert_eq!(error.message(), "ünïcode: 100%");
        assert!(read(HeaderMap::new()).is_none());
    }
}
