//! PING (RFC 9113 section 6.7).

use super::error::FrameError;
use super::head::{Head, flag, kind};

/// The length of a ping, in bytes.
const PING_BYTES: usize = 8;

/// Asks for a sign of life, or gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ping {
    /// What the answer has to repeat.
    pub payload: [u8; PING_BYTES],
    /// Whether this is the answer.
    pub is_ack: bool,
}

impl Ping {
    pub(super) fn parse(head: &Head, payload: &[u8]) -> Result<Self, FrameError> {
        head.on_connection("PING on a stream")?;
        let payload = payload
            .try_into()
            .map_err(|_| FrameError::size("PING is not 8 bytes long"))?;
        let is_ack = head.has(flag::ACK);
        Ok(Self { payload, is_ack })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: PING_BYTES,
            kind: kind::PING,
            flags: flag::when(self.is_ack, flag::ACK),
            stream: None,
        }
        .write(out);
        out.extend_from_slice(&self.payload);
    }
}
