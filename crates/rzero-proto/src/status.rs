//! `google.rpc.Status` and the three standard details that carry an error's fields.
//!
//! Field numbers are those of google/rpc/status.proto and google/rpc/error_details.proto.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use rzero_core::{Class, Code, Error, names};

const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
    /// Not of google/rpc/status.proto, and skipped by whoever knows that alone: the reason of an
    /// error that has no details.
    #[prost(string, tag = "1000")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

fn any(type_url: &str, message: &impl Message) -> Any {
    Any {
        type_url: type_url.to_owned(),
        value: message.encode_to_vec().into(),
    }
}

/// The encoded `google.rpc.Status` of an error; `None` when code and message say everything.
///
/// An unreadable or oversized message has no details, only its class's reason in a field that
/// peers of other makes skip: they expect the bare code of what a wire refuses by itself.
#[must_use]
pub fn encode_details(error: &Error) -> Option<Bytes> {
    let metadata: BTreeMap<_, _> = error
        .metadata()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let (class, reason) = (error.class(), error.reason());
    let ours = error.domain() == names::DOMAIN && metadata.is_empty();
    let plain = ours && reason == Class::of_code(error.code()).reason();
    let refused = matches!(class, Class::Decode | Class::TooLarge);
    let bare = ours && !plain && refused && reason == class.reason();
    let mut details = Vec::new();
    if !plain && !bare {
        let (reason, domain) = (reason.to_owned(), error.domain().to_owned());
        details.push(any(
            ERROR_INFO,
            &ErrorInfo {
                reason,
                domain,
                metadata,
            },
        ));
    }
    if let Some(wait) = error.retry_after() {
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        let nanos = i32::try_from(wait.subsec_nanos()).expect("below one billion");
        let retry_delay = Some(ProtoDuration { seconds, nanos });
        details.push(any(RETRY_INFO, &RetryInfo { retry_delay }));
    }
    if !error.violations().is_empty() {
        let field_violations = error
            .violations()
            .iter()
            .map(|v| FieldViolation {
                field: v.field.clone(),
                description: v.description.clone(),
            })
            .collect();
        details.push(any(BAD_REQUEST, &BadRequest { field_violations }));
    }
    details.extend(error.details().iter().map(|d| Any {
        type_url: d.type_url.clone(),
        value: d.value.clone(),
    }));
    if details.is_empty() && !bare {
        return None;
    }
    let code = i32::try_from(error.code().number()).expect("codes are small");
    let status = Status {
        code,
        message: error.message().to_owned(),
        details,
        reason: if bare {
            reason.to_owned()
        } else {
            String::new()
        },
    };
    Some(status.encode_to_vec().into())
}

/// The error that a peer sent: its code, its message and, if there was one, its encoded
/// `google.rpc.Status`. Unreadable details are ignored, as the code and message stand for
/// themselves.
#[must_use]
pub fn decode_error(code: Code, message: String, details: Option<&[u8]>) -> Error {
    let error = Error::with_code(code, message);
    let Some(status) = details.and_then(|bytes| Status::decode(bytes).ok()) else {
        return error;
    };
    let error = match status.reason.as_str() {
        "" => error,
        reason => error
            .with_class(Class::of_reason(code, reason))
            .with_reason(status.reason, names::DOMAIN),
    };
    status
        .details
        .into_iter()
        .fold(error, |error, any| apply(error, code, any))
}

fn apply(error: Error, code: Code, any: Any) -> Error {
    let applied = match any.type_url.as_str() {
        ERROR_INFO => ErrorInfo::decode(any.value.clone()).ok().map(|info| {
            let class = match info.domain.as_str() {
                names::DOMAIN => Class::of_reason(code, &info.reason),
                _ => Class::of_code(code),
            };
            (class, info)
        }),
        RETRY_INFO => {
            let wait = RetryInfo::decode(any.value.clone())
                .ok()
                .and_then(|info| info.retry_delay);
            return match wait.and_then(to_std) {
                Some(wait) => error.with_retry_after(wait),
                None => error,
            };
        }
        BAD_REQUEST => {
            let violations = BadRequest::decode(any.value.clone()).unwrap_or_default();
            return violations
                .field_violations
                .into_iter()
                .fold(error, |e, v| e.with_violation(v.field, v.description));
        }
        _ => None,
    };
    match applied {
        Some((class, info)) => {
            let error = error
                .with_class(class)
                .with_reason(info.reason, info.domain);
            info.metadata
                .into_iter()
                .fold(error, |e, (k, v)| e.with_metadata(k, v))
        }
        None => error.with_detail(any.type_url, any.value),
    }
}

fn to_std(duration: ProtoDuration) -> Option<Duration> {
    let seconds = u64::try_from(duration.seconds).ok()?;
    let nanos = u32::try_from(duration.nanos)
        .ok()
        .filter(|n| *n < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(error: &Error) -> Error {
        let details = encode_details(error);
        decode_error(error.code(), error.message().to_owned(), details.as_deref())
    }

    /// One generated test per row of the error table, both directions.
    macro_rules! rows {
        ($($name:ident $class:ident $code:literal;)*) => {$(
            #[test]
            fn $name() {
                let sent = Error::new(Class::$class, "why");
                assert_eq!(sent.code().number(), $code);
                let got = there_and_back(&sent);
                assert_eq!((got.class(), got.code()), (Class::$class, sent.code()));
                assert_eq!((got.reason(), got.domain()), (sent.reason(), "rzero"));
                assert_eq!(got.message(), "why");
            }
        )*};
    }

    rows! {
        invalid_input_keeps_its_class InvalidInput 3;
        decode_keeps_its_class Decode 3;
        too_large_keeps_its_class TooLarge 8;
        unauthenticated_keeps_its_class Unauthenticated 16;
        permission_denied_keeps_its_class PermissionDenied 7;
        not_found_keeps_its_class NotFound 5;
        conflict_keeps_its_class Conflict 10;
        rate_limited_keeps_its_class RateLimited 8;
        cancelled_keeps_its_class Cancelled 1;
        overloaded_keeps_its_class Overloaded 8;
        draining_keeps_its_class Draining 14;
        no_endpoint_keeps_its_class NoEndpoint 14;
        breaker_open_keeps_its_class BreakerOpen 14;
        connect_failed_keeps_its_class ConnectFailed 14;
        connection_lost_keeps_its_class ConnectionLost 14;
        unavailable_keeps_its_class Unavailable 14;
        expired_in_queue_keeps_its_class ExpiredInQueue 4;
        deadline_exceeded_keeps_its_class DeadlineExceeded 4;
        unimplemented_keeps_its_class Unimplemented 12;
        encode_keeps_its_class Encode 13;
        bad_answer_keeps_its_class BadAnswer 13;
        internal_keeps_its_class Internal 13;
        data_loss_keeps_its_class DataLoss 15;
        unknown_keeps_its_class Unknown 2;
    }

    #[test]
    fn other_codes_of_a_class_survive() {
        for code in [
            Code::FailedPrecondition,
            Code::OutOfRange,
            Code::AlreadyExists,
        ] {
            let got = there_and_back(&Error::with_code(code, "x"));
            assert_eq!((got.code(), got.class()), (code, Class::of_code(code)));
        }
    }

    #[test]
    fn every_field_survives() {
        let sent = Error::invalid_input("no")
            .with_reason("EMPTY_CART", "shop")
            .with_metadata("cart", "7")
            .with_retry_after(Duration::from_millis(1500))
            .with_violation("items", "must not be empty")
            .with_detail("type.googleapis.com/x.Y", Bytes::from_static(b"raw"));
        let got = there_and_back(&sent);
        assert_eq!((got.reason(), got.domain()), ("EMPTY_CART", "shop"));
        assert_eq!(got.metadata().collect::<Vec<_>>(), [("cart", "7")]);
        assert_eq!(got.retry_after(), sent.retry_after());
        assert_eq!(got.violations(), sent.violations());
        assert_eq!(got.details(), sent.details());
    }

    #[test]
    fn what_a_wire_refuses_by_itself_has_no_details() {
        for class in [Class::Decode, Class::TooLarge] {
            let encoded = encode_details(&Error::new(class, "x")).unwrap();
            let status = Status::decode(encoded).unwrap();
            assert!(status.details.is_empty(), "{class}");
            let told = Error::new(class, "x").with_metadata("bytes_max", "7");
            let status = Status::decode(encode_details(&told).unwrap()).unwrap();
            assert_eq!((status.details.len(), status.reason.as_str()), (1, ""));
        }
    }

    #[test]
    fn plain_errors_need_no_details() {
        assert!(encode_details(&Error::not_found("x")).is_none());
        assert!(encode_details(&Error::overloaded("x")).is_some());
        let torn = Error::internal("x").with_class(Class::Decode);
        assert!(encode_details(&torn).is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_details_never_panic(bytes: Vec<u8>, code in 1u32..20) {
            let code = Code::from_number(code).unwrap();
            let _ = decode_error(code, String::new(), Some(&bytes));
        }
    }
}
