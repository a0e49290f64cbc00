//! Why a header block was refused.

use std::error::Error;
use std::fmt;

/// Why a header block was refused.
///
/// Every kind but [`ListTooLarge`](Self::ListTooLarge) leaves the two tables out of step: the
/// connection has to end (RFC 9113 section 4.3), and the decoder answers every later block with
/// the same error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The block ended inside a field.
    Truncated,
    /// An integer does not fit in 32 bits, or takes more bytes than such an integer needs
    /// (RFC 7541 section 5.1).
    IntegerOverflow,
    /// No field has this index (RFC 7541 section 2.3.3).
    UnknownIndex {
        /// The index that the block names.
        index: usize,
    },
    /// A Huffman string contains the end-of-string symbol, or its padding is longer than 7 bits or
    /// not made of ones (RFC 7541 section 5.2).
    InvalidHuffman,
    /// The peer chose a larger table than it was allowed (RFC 7541 section 6.3).
    SizeUpdateTooLarge {
        /// The size that the block asks for, in bytes.
        bytes: usize,
        /// The largest size allowed, in bytes.
        bytes_max: usize,
    },
    /// A size update follows a field, or is the third of its block (RFC 7541 section 4.2).
    SizeUpdateMisplaced,
    /// The table's limit was lowered and the block does not begin with the update that this calls
    /// for (RFC 7541 section 4.2).
    SizeUpdateMissing,
    /// The encoded block is longer than
    /// [`block_bytes_max`](super::DecoderConfig::block_bytes_max).
    BlockTooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// The fields together are larger than [`list_bytes_max`](super::DecoderConfig::list_bytes_max).
    ///
    /// Reported when the block ends. The fields up to the limit were handed out, the others only
    /// kept the table in step: the decoder and the connection can go on without this call.
    ListTooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
}

impl DecodeError {
    /// Whether the connection has to end: all kinds but [`ListTooLarge`](Self::ListTooLarge).
    #[must_use]
    pub const fn is_fatal(self) -> bool {
        !matches!(self, Self::ListTooLarge { .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the header block ends inside a field"),
            Self::IntegerOverflow => f.write_str("an integer of the header block is too large"),
            Self::UnknownIndex { index } => write!(f, "no header field has the index {index}"),
            Self::InvalidHuffman => f.write_str("a string has an invalid Huffman coding"),
            Self::SizeUpdateTooLarge { bytes, bytes_max } => write!(
                f,
                "a header table of {bytes} bytes was asked for, {bytes_max} are allowed"
            ),
            Self::SizeUpdateMisplaced => {
                f.write_str("a table size update stands where none is allowed")
            }
            Self::SizeUpdateMissing => {
                f.write_str("the header block does not confirm the smaller table")
            }
            Self::BlockTooLarge { bytes_max } => {
                write!(f, "the header block is longer than {bytes_max} bytes")
            }
            Self::ListTooLarge { bytes_max } => {
                write!(f, "the header fields are larger than {bytes_max} bytes")
            }
        }
    }
}

impl Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_large_list_lets_the_connection_live() {
        assert!(!DecodeError::ListTooLarge { bytes_max: 1 }.is_fatal());
        for fatal in [
            DecodeError::Truncated,
            DecodeError::IntegerOverflow,
            DecodeError::UnknownIndex { index: 0 },
            DecodeError::InvalidHuffman,
            DecodeError::SizeUpdateMisplaced,
            DecodeError::SizeUpdateMissing,
            DecodeError::BlockTooLarge { bytes_max: 1 },
        ] {
            assert!(fatal.is_fatal(), "{fatal}");
        }
    }
}
