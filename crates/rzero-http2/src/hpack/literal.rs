//! Literal representations as they stand in a block (RFC 7541 sections 5.2 and 6.2).

use super::error::DecodeError;
use super::{huffman, integer};

/// The bit of a string's first byte that says: Huffman.
const HUFFMAN: u8 = 0x80;

/// A string as it stands in the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    huffman: bool,
}

impl<'a> Text<'a> {
    /// Reads the string at the head of `buf`. Returns it and the bytes it took, or `None` when
    /// `buf` ends too early.
    ///
    /// # Errors
    ///
    /// [`DecodeError::BlockTooLarge`] as soon as the length alone exceeds `bytes_max`: nobody waits
    /// for bytes that will not be accepted.
    pub(super) fn parse(
        buf: &'a [u8],
        bytes_max: usize,
    ) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some((len, len_bytes)) = integer::decode(buf, 7)? else {
            return Ok(None);
        };
        if len > bytes_max {
            return Err(DecodeError::BlockTooLarge { bytes_max });
        }
        let Some(bytes) = buf[len_bytes..].get(..len) else {
            return Ok(None);
        };
        let huffman = buf[0] & HUFFMAN != 0;
        Ok(Some((Self { bytes, huffman }, len_bytes + len)))
    }

    /// The text itself, unless it has to be decoded; then it is appended to `scratch`.
    pub(super) fn plain(self, scratch: &mut Vec<u8>) -> Result<Option<&'a [u8]>, DecodeError> {
        if !self.huffman {
            return Ok(Some(self.bytes));
        }
        huffman::decode(scratch, self.bytes)?;
        Ok(None)
    }
}

/// A literal's name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name<'a> {
    /// That of the entry at this index.
    Index(usize),
    Text(Text<'a>),
}

/// A field that stands in the block itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Literal<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: Text<'a>,
}

impl<'a> Literal<'a> {
    /// Reads the literal at the head of `buf`, like [`Text::parse`].
    pub(super) fn parse(
        buf: &'a [u8],
        prefix_bits: u8,
        bytes_max: usize,
    ) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some((index, mut used)) = integer::decode(buf, prefix_bits)? else {
            return Ok(None);
        };
        let name = if index == 0 {
            let Some((text, text_bytes)) = Text::parse(&buf[used..], bytes_max)? else {
                return Ok(None);
            };
            used += text_bytes;
            Name::Text(text)
        } else {
            Name::Index(index)
        };
        let Some((value, text_bytes)) = Text::parse(&buf[used..], bytes_max)? else {
            return Ok(None);
        };
        Ok(Some((Self { name, value }, used + text_bytes)))
    }
}

/// Appends a string, coded if that saves at least `saved_bytes_min`, which is more than 0: where it
/// saves nothing the plain form costs no decoding.
pub(super) fn write_text(out: &mut Vec<u8>, text: &[u8], saved_bytes_min: usize) {
    // A code has at least 5 bits.
    let saved_bytes_max = text.len() * 3 / 8;
    let coded_len = if saved_bytes_max >= saved_bytes_min {
        huffman::encoded_len(text)
    } else {
        text.len()
    };
    if coded_len + saved_bytes_min <= text.len() {
        integer::encode(out, HUFFMAN, 7, coded_len);
        huffman::encode(out, text);
    } else {
        integer::encode(out, 0, 7, text.len());
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huffman_is_used_only_where_it_saves_enough() {
        let mut out = Vec::new();
        write_text(&mut out, b"307", 1); // 3 bytes either way
        assert_eq!(out, b"\x03307");
        out.clear();
        write_text(&mut out, b"302", 1);
        assert_eq!(out, [0x82, 0x64, 0x02]);
        for (len, is_coded) in [(10, false), (11, true)] {
            out.clear();
            write_text(&mut out, &vec![b'a'; len], 4); // 5 bits each
            assert_eq!(out[0] & HUFFMAN != 0, is_coded, "{len}");
        }
    }

    #[test]
    fn claimed_length_is_refused_before_its_bytes_arrive() {
        let mut claim = Vec::new();
        integer::encode(&mut claim, 0, 7, 101);
        let refused = DecodeError::BlockTooLarge { bytes_max: 100 };
        assert_eq!(Text::parse(&claim, 100).unwrap_err(), refused);
        assert!(Text::parse(&claim, 101).unwrap().is_none());
    }
}
