//! GOAWAY (RFC 9113 section 6.8).

use super::error::{ErrorCode, FrameError};
use super::head::{Head, RESERVED, StreamId, kind, number};

/// The length of the fields before the debug data, in bytes.
const FIELDS_BYTES: usize = 8;

/// The last stream that the sender will serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// Streams above this one were not touched; `None`: no stream was.
    pub last_stream: Option<StreamId>,
    /// Why.
    pub code: ErrorCode,
    /// A text for logs, of the peer's choice: not to be trusted.
    pub debug_data: &'a [u8],
}

impl<'a> GoAway<'a> {
    pub(super) fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        head.on_connection("GOAWAY on a stream")?;
        let ([s0, s1, s2, s3, c0, c1, c2, c3], debug_data) = payload
            .split_first_chunk::<FIELDS_BYTES>()
            .ok_or(FrameError::size("GOAWAY is shorter than 8 bytes"))?;
        Ok(Self {
            last_stream: StreamId::new(u32::from_be_bytes([*s0, *s1, *s2, *s3]) & !RESERVED),
            code: ErrorCode(u32::from_be_bytes([*c0, *c1, *c2, *c3])),
            debug_data,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: FIELDS_BYTES + self.debug_data.len(),
            kind: kind::GOAWAY,
            flags: 0,
            stream: None,
        }
        .write(out);
        out.extend_from_slice(&number(self.last_stream).to_be_bytes());
        out.extend_from_slice(&self.code.0.to_be_bytes());
        out.extend_from_slice(self.debug_data);
    }
}
