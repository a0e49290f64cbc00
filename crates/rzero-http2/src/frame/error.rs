//! What is wrong with a frame, and whom it concerns.

use std::error::Error;
use std::fmt;

use super::head::StreamId;

/// Why a stream or a connection ends (RFC 9113 section 7). Unknown codes are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Nothing is wrong.
    pub const NO_ERROR: Self = Self(0x0);
    /// The peer broke a rule that no other code names.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// The sender of the code is at fault.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// The peer sent more than its window allowed.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// The peer did not acknowledge settings in time.
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    /// A frame came for a stream that the peer had ended.
    pub const STREAM_CLOSED: Self = Self(0x5);
    /// A frame has a length that it may not have.
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    /// The stream was refused before anything ran.
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The sender of the code no longer wants the stream.
    pub const CANCEL: Self = Self(0x8);
    /// A header block cannot be decoded.
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    /// A CONNECT tunnel broke.
    pub const CONNECT_ERROR: Self = Self(0xa);
    /// The peer causes more load than it may.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// The transport is not secure enough.
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    /// The server wants HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::NO_ERROR => "NO_ERROR",
            Self::PROTOCOL_ERROR => "PROTOCOL_ERROR",
            Self::INTERNAL_ERROR => "INTERNAL_ERROR",
            Self::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
            Self::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
            Self::STREAM_CLOSED => "STREAM_CLOSED",
            Self::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
            Self::REFUSED_STREAM => "REFUSED_STREAM",
            Self::CANCEL => "CANCEL",
            Self::COMPRESSION_ERROR => "COMPRESSION_ERROR",
            Self::CONNECT_ERROR => "CONNECT_ERROR",
            Self::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
            Self::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
            Self::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
            Self(other) => return write!(f, "error code {other:#x}"),
        })
    }
}

/// What has to end (RFC 9113 section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The connection, by GOAWAY.
    Connection,
    /// One stream, by RST_STREAM.
    Stream(StreamId),
}

/// A frame that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameError {
    /// What has to end.
    pub scope: Scope,
    /// The code to tell the peer.
    pub code: ErrorCode,
    /// The rule, for logs and for GOAWAY's debug data.
    pub rule: &'static str,
}

impl FrameError {
    pub(super) const fn connection(code: ErrorCode, rule: &'static str) -> Self {
        Self {
            scope: Scope::Connection,
            code,
            rule,
        }
    }

    pub(super) const fn stream(stream: StreamId, code: ErrorCode, rule: &'static str) -> Self {
        Self {
            scope: Scope::Stream(stream),
            code,
            rule,
        }
    }

    pub(super) const fn protocol(rule: &'static str) -> Self {
        Self::connection(ErrorCode::PROTOCOL_ERROR, rule)
    }

    pub(super) const fn size(rule: &'static str) -> Self {
        Self::connection(ErrorCode::FRAME_SIZE_ERROR, rule)
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::Connection => write!(f, "{}: {}", self.code, self.rule),
            Scope::Stream(stream) => write!(f, "stream {stream}: {}: {}", self.code, self.rule),
        }
    }
}

impl Error for FrameError {}
