//! PUSH_PROMISE (RFC 9113 section 6.6).

use super::error::FrameError;
use super::head::{Head, RESERVED, StreamId, flag, kind};
use super::padding;

/// The length of the promised stream's number, in bytes.
const PROMISED_BYTES: usize = 4;

/// Announces a stream that a server opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushPromise<'a> {
    /// The stream that the promise belongs to.
    pub stream: StreamId,
    /// The stream that is announced.
    pub promised: StreamId,
    /// The header block, or its first part.
    pub fragment: &'a [u8],
    /// Whether the block is complete; otherwise CONTINUATION follows.
    pub end_headers: bool,
    /// Bytes of padding; `None` is a frame without the length byte.
    pub padding: Option<u8>,
}

impl<'a> PushPromise<'a> {
    pub(super) fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        let stream = head.on_stream("PUSH_PROMISE on stream 0")?;
        let (rest, padding) = padding::strip(head, payload, PROMISED_BYTES)?;
        let (number, fragment) = rest
            .split_first_chunk()
            .ok_or(FrameError::size("PUSH_PROMISE has no stream"))?;
        let promised = StreamId::new(u32::from_be_bytes(*number) & !RESERVED)
            .ok_or(FrameError::protocol("PUSH_PROMISE promises stream 0"))?;
        Ok(Self {
            stream,
            promised,
            fragment,
            end_headers: head.has(flag::END_HEADERS),
            padding,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: PROMISED_BYTES + self.fragment.len() + padding::bytes(self.padding),
            kind: kind::PUSH_PROMISE,
            flags: flag::when(self.end_headers, flag::END_HEADERS)
                | flag::when(self.padding.is_some(), flag::PADDED),
            stream: Some(self.stream),
        }
        .write(out);
        padding::write_length(out, self.padding);
        out.extend_from_slice(&self.promised.get().to_be_bytes());
        out.extend_from_slice(self.fragment);
        padding::write_zeros(out, self.padding);
    }
}
