//! A header block of any length as frames (RFC 9113 section 4.3).

use super::continuation::Continuation;
use super::head::StreamId;
use super::headers::Headers;

/// What HEADERS says beside its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadersHead {
    /// The stream.
    pub stream: StreamId,
    /// Whether the sender is done with the stream.
    pub end_stream: bool,
}

/// Appends HEADERS, and as many CONTINUATION frames as `block` needs when no payload may be longer
/// than `payload_bytes_max`.
///
/// # Panics
///
/// When `payload_bytes_max` is 0, or is above [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX) and
/// so is the block.
pub fn write_block(out: &mut Vec<u8>, head: HeadersHead, block: &[u8], payload_bytes_max: usize) {
    assert!(payload_bytes_max > 0, "frames need room for a payload");
    let (first, rest) = block.split_at(block.len().min(payload_bytes_max));
    Headers {
        stream: head.stream,
        fragment: first,
        end_stream: head.end_stream,
        end_headers: rest.is_empty(),
        dependency: None,
        padding: None,
    }
    .write(out);
    let mut parts = rest.chunks(payload_bytes_max).peekable();
    while let Some(fragment) = parts.next() {
        Continuation {
            stream: head.stream,
            fragment,
            end_headers: parts.peek().is_none(),
        }
        .write(out);
    }
}
