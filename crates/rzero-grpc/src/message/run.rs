//! Messages that came together and stay together until they are read.

use bytes::{Buf, Bytes};

use super::{PREFIX_BYTES, Raw};

/// One or more whole messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run {
    /// A message that was put together.
    One(Raw),
    /// Messages that came whole, with their prefixes; what is taken out shares this memory.
    Many(Bytes),
}

impl Run {
    /// Takes the first message; `None` when there are no more.
    pub(crate) fn pop(&mut self) -> Option<Raw> {
        match self {
            Self::One(_) => match std::mem::replace(self, Self::Many(Bytes::new())) {
                Self::One(raw) => Some(raw),
                Self::Many(_) => None,
            },
            Self::Many(bytes) => {
                let [flag, length @ ..] = *bytes.first_chunk::<PREFIX_BYTES>()?;
                bytes.advance(PREFIX_BYTES);
                let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                Some(Raw {
                    bytes: bytes.split_to(length.min(bytes.len())),
                    compressed: flag == 1,
                })
            }
        }
    }

    /// Whether all messages were taken.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Many(bytes) if bytes.is_empty())
    }

    /// What is left of it, in bytes as they came.
    pub(crate) fn wire_bytes(&self) -> usize {
        match self {
            Self::One(raw) => raw.wire_bytes(),
            Self::Many(bytes) => bytes.len(),
        }
    }
}
