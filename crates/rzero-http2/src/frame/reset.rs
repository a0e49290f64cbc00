//! RST_STREAM (RFC 9113 section 6.4).

use super::error::{ErrorCode, FrameError};
use super::head::{Head, StreamId, kind};

/// Ends a stream at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// The stream.
    pub stream: StreamId,
    /// Why.
    pub code: ErrorCode,
}

impl Reset {
    pub(super) fn parse(head: &Head, payload: &[u8]) -> Result<Self, FrameError> {
        let stream = head.on_stream("RST_STREAM on stream 0")?;
        let bytes = payload
            .try_into()
            .map_err(|_| FrameError::size("RST_STREAM is not 4 bytes long"))?;
        let code = ErrorCode(u32::from_be_bytes(bytes));
        Ok(Self { stream, code })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: 4,
            kind: kind::RST_STREAM,
            flags: 0,
            stream: Some(self.stream),
        }
        .write(out);
        out.extend_from_slice(&self.code.0.to_be_bytes());
    }
}
