//! What cases assert with.

use std::fmt;

use rzero::bytes::Bytes;
use rzero::{Code, Error, Metadata};

use crate::api::grpc::testing::{Payload, PayloadType};
use crate::{ECHO_INITIAL, ECHO_TRAILING};

/// The value sent under [`ECHO_INITIAL`].
pub(super) const INITIAL_VALUE: &str = "test_initial_metadata_value";
/// The value sent under [`ECHO_TRAILING`]: no text, so that it must be encoded.
pub(super) const TRAILING_VALUE: &[u8] = &[0xab, 0xab, 0xab];

/// What a case found that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

/// How a case ends.
pub(super) type Checked<T = ()> = Result<T, Failure>;

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("the call failed: {:?}: {error}", error.code()))
    }
}

/// Asserts that `got` is `want`.
pub(super) fn equal<T: PartialEq + fmt::Debug>(what: &str, got: &T, want: &T) -> Checked {
    if got == want {
        return Ok(());
    }
    Err(Failure(format!("{what}: got {got:?}, want {want:?}")))
}

/// Asserts that a call failed with `code`, and gives its error.
pub(super) fn failed_with<T>(what: &str, result: rzero::Result<T>, code: Code) -> Checked<Error> {
    match result {
        Ok(_) => Err(Failure(format!("{what}: it succeeded, want {code:?}"))),
        Err(error) if error.code() == code => Ok(error),
        Err(error) => Err(Failure(format!(
            "{what}: got {:?} ({error}), want {code:?}",
            error.code()
        ))),
    }
}

/// So many zeros to send.
pub(super) fn zeros(size: usize) -> Option<Payload> {
    Some(Payload {
        r#type: PayloadType::Compressable as i32,
        body: Bytes::from(vec![0; size]),
    })
}

/// Asserts that `payload` is so many zeros.
pub(super) fn is_zeros(payload: Option<&Payload>, size: usize) -> Checked {
    let payload = payload.ok_or_else(|| Failure::new("the answer has no payload"))?;
    let kind = PayloadType::Compressable as i32;
    equal("type of the payload", &payload.r#type, &kind)?;
    equal("bytes of payload", &payload.body.len(), &size)?;
    let zero = payload.body.iter().all(|byte| *byte == 0);
    equal("the payload is all zeros", &zero, &true)
}

/// Asserts that the metadata which was sent came back.
pub(super) fn is_echoed(headers: &Metadata, trailers: &Metadata) -> Checked {
    let initial: Vec<&str> = headers.get_all(ECHO_INITIAL).collect();
    equal("initial metadata", &initial, &vec![INITIAL_VALUE])?;
    let trailing = trailers.get_binary(ECHO_TRAILING).map(|value| &value[..]);
    equal("trailing metadata", &trailing, &Some(TRAILING_VALUE))
}
