//! WINDOW_UPDATE (RFC 9113 section 6.9).

use std::num::NonZeroU32;

use super::error::{ErrorCode, FrameError};
use super::head::{Head, RESERVED, StreamId, kind};

/// More bytes may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowUpdate {
    /// The stream; `None` is the connection.
    pub stream: Option<StreamId>,
    /// How many more bytes: 1 to 2^31-1. The bit above is neither read nor written.
    pub increment: NonZeroU32,
}

impl WindowUpdate {
    pub(super) fn parse(head: &Head, payload: &[u8]) -> Result<Self, FrameError> {
        let bytes = payload
            .try_into()
            .map_err(|_| FrameError::size("WINDOW_UPDATE is not 4 bytes long"))?;
        let increment = NonZeroU32::new(u32::from_be_bytes(bytes) & !RESERVED);
        let Some(increment) = increment else {
            let rule = "WINDOW_UPDATE by 0";
            return Err(head.stream.map_or(FrameError::protocol(rule), |stream| {
                FrameError::stream(stream, ErrorCode::PROTOCOL_ERROR, rule)
            }));
        };
        Ok(Self {
            stream: head.stream,
            increment,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: 4,
            kind: kind::WINDOW_UPDATE,
            flags: 0,
            stream: self.stream,
        }
        .write(out);
        out.extend_from_slice(&(self.increment.get() & !RESERVED).to_be_bytes());
    }
}
