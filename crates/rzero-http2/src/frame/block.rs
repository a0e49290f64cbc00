//! A header block of any length as frames (RFC 9113 section 4.3).

use super::continuation::Continuation;
use super::head::{HEAD_BYTES, Head, StreamId, flag, kind};
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

/// Makes room for the head of HEADERS at the end of `out`; the block is to be appended behind it.
/// Gives what [`finish_block`] needs.
pub(crate) fn begin_block(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    start
}

/// Writes the head for the block that was appended since [`begin_block`], and cuts the block where
/// it is longer than a payload may be.
pub(crate) fn finish_block(
    out: &mut Vec<u8>,
    start: usize,
    head: HeadersHead,
    payload_bytes_max: usize,
) {
    let behind_head = start + HEAD_BYTES;
    let payload_bytes = out.len() - behind_head;
    if payload_bytes > payload_bytes_max {
        let block = out.split_off(behind_head);
        out.truncate(start);
        return write_block(out, head, &block, payload_bytes_max);
    }
    let bytes = Head {
        payload_bytes,
        kind: kind::HEADERS,
        flags: flag::END_HEADERS | flag::when(head.end_stream, flag::END_STREAM),
        stream: Some(head.stream),
    }
    .bytes();
    out[start..behind_head].copy_from_slice(&bytes);
}
