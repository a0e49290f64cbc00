//! HEADERS (RFC 9113 section 6.2).

use super::error::FrameError;
use super::head::{Head, StreamId, flag, kind};
use super::padding;
use super::priority::{DEPENDENCY_BYTES, Dependency};

/// Opens a stream, or ends one with trailers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The stream.
    pub stream: StreamId,
    /// The header block, or its first part.
    pub fragment: &'a [u8],
    /// Whether the sender is done with the stream.
    pub end_stream: bool,
    /// Whether the block is complete; otherwise CONTINUATION follows.
    pub end_headers: bool,
    /// Advice that nobody follows any more.
    pub dependency: Option<Dependency>,
    /// Bytes of padding; `None` is a frame without the length byte.
    pub padding: Option<u8>,
}

impl<'a> Headers<'a> {
    pub(super) fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        let stream = head.on_stream("HEADERS on stream 0")?;
        let has_dependency = head.has(flag::PRIORITY);
        let fields_bytes = if has_dependency { DEPENDENCY_BYTES } else { 0 };
        let (rest, padding) = padding::strip(head, payload, fields_bytes)?;
        let mut fragment = rest;
        let mut dependency = None;
        if has_dependency && let Some((fields, behind)) = rest.split_first_chunk() {
            let parsed = Dependency::parse(*fields);
            if parsed.on == Some(stream) {
                // An error of the stream, but dropping its block would spoil the next one's
                // compression: the connection has to end.
                return Err(FrameError::protocol("a stream depends on itself"));
            }
            dependency = Some(parsed);
            fragment = behind;
        }
        Ok(Self {
            stream,
            fragment,
            end_stream: head.has(flag::END_STREAM),
            end_headers: head.has(flag::END_HEADERS),
            dependency,
            padding,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let dependency_bytes = self.dependency.map_or(0, |_| DEPENDENCY_BYTES);
        Head {
            payload_bytes: self.fragment.len() + padding::bytes(self.padding) + dependency_bytes,
            kind: kind::HEADERS,
            flags: flag::when(self.end_stream, flag::END_STREAM)
                | flag::when(self.end_headers, flag::END_HEADERS)
                | flag::when(self.padding.is_some(), flag::PADDED)
                | flag::when(self.dependency.is_some(), flag::PRIORITY),
            stream: Some(self.stream),
        }
        .write(out);
        padding::write_length(out, self.padding);
        if let Some(dependency) = self.dependency {
            dependency.write(out);
        }
        out.extend_from_slice(self.fragment);
        padding::write_zeros(out, self.padding);
    }
}
