//! The nine bytes that every frame begins with (RFC 9113 section 4.1).

use std::fmt;
use std::num::NonZeroU32;

use super::error::FrameError;

/// The length of a frame's head, in bytes.
pub const HEAD_BYTES: usize = 9;

/// The longest payload that a head can announce, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = (1 << 24) - 1;

/// The payload length that every receiver has to accept, in bytes (RFC 9113 section 4.2).
pub const PAYLOAD_BYTES_MIN_MAX: usize = 1 << 14;

/// The bit that a stream number does not use: ignored when read, zero when written.
pub(super) const RESERVED: u32 = 1 << 31;

/// Frame types (RFC 9113 section 6).
pub(super) mod kind {
    pub(in crate::frame) const DATA: u8 = 0x0;
    pub(in crate::frame) const HEADERS: u8 = 0x1;
    pub(in crate::frame) const PRIORITY: u8 = 0x2;
    pub(in crate::frame) const RST_STREAM: u8 = 0x3;
    pub(in crate::frame) const SETTINGS: u8 = 0x4;
    pub(in crate::frame) const PUSH_PROMISE: u8 = 0x5;
    pub(in crate::frame) const PING: u8 = 0x6;
    pub(in crate::frame) const GOAWAY: u8 = 0x7;
    pub(in crate::frame) const WINDOW_UPDATE: u8 = 0x8;
    pub(in crate::frame) const CONTINUATION: u8 = 0x9;
}

/// Flags; a frame ignores those that its type does not define.
pub(super) mod flag {
    pub(in crate::frame) const ACK: u8 = 0x1;
    pub(in crate::frame) const END_STREAM: u8 = 0x1;
    pub(in crate::frame) const END_HEADERS: u8 = 0x4;
    pub(in crate::frame) const PADDED: u8 = 0x8;
    pub(in crate::frame) const PRIORITY: u8 = 0x20;

    /// The flag, if `on`.
    pub(in crate::frame) const fn when(on: bool, flag: u8) -> u8 {
        if on { flag } else { 0 }
    }
}

/// The number of a stream: 1 to 2^31-1. Stream 0, the connection itself, is `None` where a frame
/// may concern it (RFC 9113 section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(NonZeroU32);

impl StreamId {
    /// The largest stream number.
    pub const MAX: u32 = RESERVED - 1;

    /// The stream of this number, or `None` for 0 and for numbers above [`MAX`](Self::MAX).
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number > Self::MAX {
            return None;
        }
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Whether clients open streams of this number: the odd ones.
    #[must_use]
    pub const fn is_client(self) -> bool {
        self.0.get() % 2 == 1
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number on the wire: 0 for the connection.
pub(super) fn number(stream: Option<StreamId>) -> u32 {
    stream.map_or(0, StreamId::get)
}

/// A frame's head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) payload_bytes: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: Option<StreamId>,
}

impl Head {
    #[inline]
    pub(super) fn parse(bytes: [u8; HEAD_BYTES]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        Self {
            payload_bytes: usize::from(l0) << 16 | usize::from(l1) << 8 | usize::from(l2),
            kind,
            flags,
            stream: StreamId::new(u32::from_be_bytes([s0, s1, s2, s3]) & !RESERVED),
        }
    }

    #[inline]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes());
    }

    #[inline]
    pub(super) fn bytes(&self) -> [u8; HEAD_BYTES] {
        let length = u32::try_from(self.payload_bytes).unwrap_or(u32::MAX);
        let [high, l0, l1, l2] = length.to_be_bytes();
        assert!(high == 0, "a payload of {} bytes", self.payload_bytes);
        let [s0, s1, s2, s3] = number(self.stream).to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The stream of a frame that must have one.
    pub(super) fn on_stream(&self, rule: &'static str) -> Result<StreamId, FrameError> {
        self.stream.ok_or(FrameError::protocol(rule))
    }

    /// Checks that the frame concerns the connection.
    pub(super) fn on_connection(&self, rule: &'static str) -> Result<(), FrameError> {
        match self.stream {
            None => Ok(()),
            Some(_) => Err(FrameError::protocol(rule)),
        }
    }
}
