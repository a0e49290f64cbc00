//! Frames of other types (RFC 9113 section 5.5).

use super::head::{Head, StreamId};

/// A type that this version of the protocol does not know: to be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown<'a> {
    /// The type. Writing one of the known types gives a frame of that type.
    pub kind: u8,
    /// The flags.
    pub flags: u8,
    /// The stream; `None` is the connection.
    pub stream: Option<StreamId>,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Unknown<'a> {
    pub(super) const fn parse(head: &Head, payload: &'a [u8]) -> Self {
        Self {
            kind: head.kind,
            flags: head.flags,
            stream: head.stream,
            payload,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        Head {
            payload_bytes: self.payload.len(),
            kind: self.kind,
            flags: self.flags,
            stream: self.stream,
        }
        .write(out);
        out.extend_from_slice(self.payload);
    }
}
