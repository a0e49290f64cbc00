//! Why a connection ended.

use std::error::Error;
use std::fmt;

use crate::frame::{ErrorCode, FrameError};
use crate::hpack::DecodeError;

/// Why a connection ended: a rule that the peer broke, a limit that it reached, or the shell's own
/// reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionError {
    /// What GOAWAY says.
    pub code: ErrorCode,
    /// The rule or limit, for logs; also GOAWAY's debug data.
    pub rule: &'static str,
    /// What is wrong with a header block, where that is the reason.
    pub block: Option<DecodeError>,
}

impl ConnectionError {
    pub(super) const fn new(code: ErrorCode, rule: &'static str) -> Self {
        Self {
            code,
            rule,
            block: None,
        }
    }

    pub(super) const fn protocol(rule: &'static str) -> Self {
        Self::new(ErrorCode::PROTOCOL_ERROR, rule)
    }

    pub(super) const fn calm(rule: &'static str) -> Self {
        Self::new(ErrorCode::ENHANCE_YOUR_CALM, rule)
    }
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        Self::new(error.code, error.rule)
    }
}

impl From<DecodeError> for ConnectionError {
    fn from(error: DecodeError) -> Self {
        let (code, rule) = match error {
            DecodeError::BlockTooLarge { .. } => (
                ErrorCode::ENHANCE_YOUR_CALM,
                "a header block is too long (header_block_bytes_max)",
            ),
            _ => (
                ErrorCode::COMPRESSION_ERROR,
                "a header block cannot be decoded",
            ),
        };
        Self {
            code,
            rule,
            block: Some(error),
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.rule)
    }
}

impl Error for ConnectionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.block.as_ref().map(|error| error as _)
    }
}
