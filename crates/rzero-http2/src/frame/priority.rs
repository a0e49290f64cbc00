//! PRIORITY (RFC 9113 section 6.3).
//!
//! The scheme is deprecated and its values are ignored (RFC 9113 section 5.3.2); the frames still
//! have to be well formed.

use super::error::{ErrorCode, FrameError};
use super::head::{Head, RESERVED, StreamId, kind, number};

/// The length of a dependency, in bytes.
pub(super) const DEPENDENCY_BYTES: usize = 5;

/// Advice that nobody follows any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priority {
    /// The stream.
    pub stream: StreamId,
    /// The advice.
    pub dependency: Dependency,
}

/// Which stream another depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency {
    /// The stream to come first; `None` is the root.
    pub on: Option<StreamId>,
    /// Whether no other stream may depend on the same one.
    pub is_exclusive: bool,
    /// The share among siblings, less one.
    pub weight: u8,
}

impl Dependency {
    pub(super) fn parse(bytes: [u8; DEPENDENCY_BYTES]) -> Self {
        let [s0, s1, s2, s3, weight] = bytes;
        let word = u32::from_be_bytes([s0, s1, s2, s3]);
        Self {
            on: StreamId::new(word & !RESERVED),
            is_exclusive: word & RESERVED != 0,
            weight,
        }
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let exclusive = if self.is_exclusive { RESERVED } else { 0 };
        out.extend_from_slice(&(number(self.on) | exclusive).to_be_bytes());
        out.push(self.weight);
    }
}

impl Priority {
    pub(super) fn parse(head: &Head, payload: &[u8]) -> Result<Self, FrameError> {
        let stream = head.on_stream("PRIORITY on stream 0")?;
        let bytes = payload.try_into().map_err(|_| {
            let code = ErrorCode::FRAME_SIZE_ERROR;
            FrameError::stream(stream, code, "PRIORITY is not 5 bytes long")
        })?;
        let dependency = Dependency::parse(bytes);
        if dependency.on == Some(stream) {
            // RFC 7540 section 5.3.1; RFC 9113 no longer speaks of it.
            let code = ErrorCode::PROTOCOL_ERROR;
            return Err(FrameError::stream(
                stream,
                code,
                "a stream depends on itself",
            ));
        }
        Ok(Self { stream, dependency })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: DEPENDENCY_BYTES,
            kind: kind::PRIORITY,
            flags: 0,
            stream: Some(self.stream),
        }
        .write(out);
        self.dependency.write(out);
    }
}
