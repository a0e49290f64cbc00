//! What the reset of a stream means for its call.

use rzero_core::{Class, Code, Error, Fixed};
use rzero_http2::frame::ErrorCode;

static REFUSED: Fixed = Fixed::new(
    Class::Draining,
    "the peer refused the call because it is leaving",
);

/// The error of a call whose stream the peer reset. `before_anything`: no field and no byte of an
/// answer had come.
///
/// Only a refusal before anything proves that nothing ran.
pub(crate) fn reset_error(code: ErrorCode, before_anything: bool) -> Error {
    match code {
        ErrorCode::REFUSED_STREAM if before_anything => Error::fixed(&REFUSED),
        ErrorCode::REFUSED_STREAM => {
            Error::unavailable("the peer refused the call after it had begun to answer")
        }
        ErrorCode::CANCEL => Error::new(Class::Cancelled, "the peer cancelled the call"),
        // It may have run all the same, which the class of the code would deny.
        ErrorCode::ENHANCE_YOUR_CALM => Error::with_code(
            Code::ResourceExhausted,
            "the peer asks for fewer calls or smaller messages",
        )
        .with_class(Class::Unavailable),
        ErrorCode::INADEQUATE_SECURITY => {
            Error::permission_denied("the peer asks for better encryption")
        }
        other => Error::internal(format!("the peer reset the call ({other})")),
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::RetrySafety;

    use super::*;

    #[test]
    fn resets_are_mapped_as_the_protocol_says() {
        for (code, expected) in [
            (ErrorCode::NO_ERROR, Code::Internal),
            (ErrorCode::PROTOCOL_ERROR, Code::Internal),
            (ErrorCode::INTERNAL_ERROR, Code::Internal),
            (ErrorCode::FLOW_CONTROL_ERROR, Code::Internal),
            (ErrorCode::REFUSED_STREAM, Code::Unavailable),
            (ErrorCode::CANCEL, Code::Cancelled),
            (ErrorCode::COMPRESSION_ERROR, Code::Internal),
            (ErrorCode::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
            (ErrorCode::INADEQUATE_SECURITY, Code::PermissionDenied),
            (ErrorCode::HTTP_1_1_REQUIRED, Code::Internal),
            (ErrorCode(77), Code::Internal),
        ] {
            for before_anything in [true, false] {
                assert_eq!(
                    reset_error(code, before_anything).code(),
                    expected,
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn only_a_refusal_before_anything_says_that_nothing_ran() {
        for code in (0..20).map(ErrorCode) {
            for before_anything in [true, false] {
                let safety = reset_error(code, before_anything).class().retry_safety();
                let nothing_ran = before_anything && code == ErrorCode::REFUSED_STREAM;
                assert_eq!(safety == RetrySafety::NothingRan, nothing_ran, "{code}");
            }
        }
    }
}
