//! CONTINUATION (RFC 9113 section 6.10).

use super::error::FrameError;
use super::head::{Head, StreamId, flag, kind};

/// The next part of a header block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continuation<'a> {
    /// The stream.
    pub stream: StreamId,
    /// The part.
    pub fragment: &'a [u8],
    /// Whether the block is complete; otherwise more of these follow.
    pub end_headers: bool,
}

impl<'a> Continuation<'a> {
    pub(super) fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        Ok(Self {
            stream: head.on_stream("CONTINUATION on stream 0")?,
            fragment: payload,
            end_headers: head.has(flag::END_HEADERS),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: self.fragment.len(),
            kind: kind::CONTINUATION,
            flags: flag::when(self.end_headers, flag::END_HEADERS),
            stream: Some(self.stream),
        }
        .write(out);
        out.extend_from_slice(self.fragment);
    }
}
