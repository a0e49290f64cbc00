//! DATA (RFC 9113 section 6.1).

use super::error::FrameError;
use super::head::{Head, StreamId, flag, kind};
use super::padding;

/// Bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// The stream.
    pub stream: StreamId,
    /// The bytes, without padding.
    pub payload: &'a [u8],
    /// Whether the sender is done with the stream.
    pub end_stream: bool,
    /// Bytes of padding; `None` is a frame without the length byte.
    pub padding: Option<u8>,
}

impl<'a> Data<'a> {
    pub(super) fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        let stream = head.on_stream("DATA on stream 0")?;
        let (payload, padding) = padding::strip(head, payload, 0)?;
        Ok(Self {
            stream,
            payload,
            end_stream: head.has(flag::END_STREAM),
            padding,
        })
    }

    /// What the frame takes from the windows, in bytes: padding and its length byte count.
    #[must_use]
    pub fn flow_bytes(&self) -> usize {
        self.payload.len() + padding::bytes(self.padding)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: self.flow_bytes(),
            kind: kind::DATA,
            flags: flag::when(self.end_stream, flag::END_STREAM)
                | flag::when(self.padding.is_some(), flag::PADDED),
            stream: Some(self.stream),
        }
        .write(out);
        padding::write_length(out, self.padding);
        out.extend_from_slice(self.payload);
        padding::write_zeros(out, self.padding);
    }
}

/// Appends the head of a DATA frame whose `payload_bytes` the caller writes behind it: a large
/// message need not be copied into `out`.
///
/// # Panics
///
/// When `payload_bytes` is more than [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX).
pub fn write_data_head(
    out: &mut Vec<u8>,
    stream: StreamId,
    payload_bytes: usize,
    end_stream: bool,
) {
    Head {
        payload_bytes,
        kind: kind::DATA,
        flags: flag::when(end_stream, flag::END_STREAM),
        stream: Some(stream),
    }
    .write(out);
}
