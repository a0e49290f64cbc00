//! Integers with a prefix (RFC 7541 section 5.1).

use super::error::DecodeError;

/// Bytes after the prefix that a 32-bit integer may take. The bound also ends runs of empty
/// continuation bytes.
const CONTINUATION_BYTES_MAX: usize = 5;

/// The largest value that fits into the prefix, plus one: all bits set.
const fn prefix_mask(prefix_bits: u8) -> u8 {
    0xff >> (8 - prefix_bits)
}

/// Reads the integer at the head of `buf`, whose first byte keeps it in its low `prefix_bits`
/// (1 to 8). Returns the value and the bytes it took, or `None` when `buf` ends too early.
///
/// # Errors
///
/// [`DecodeError::IntegerOverflow`] when the value does not fit in 32 bits.
#[inline]
pub(super) fn decode(buf: &[u8], prefix_bits: u8) -> Result<Option<(usize, usize)>, DecodeError> {
    let Some((first, rest)) = buf.split_first() else {
        return Ok(None);
    };
    let mask = prefix_mask(prefix_bits);
    if first & mask < mask {
        return Ok(Some((usize::from(first & mask), 1)));
    }
    let mut value = u64::from(mask);
    for (at, byte) in rest.iter().take(CONTINUATION_BYTES_MAX).enumerate() {
        value += u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| DecodeError::IntegerOverflow)?;
            let value = usize::try_from(value).map_err(|_| DecodeError::IntegerOverflow)?;
            return Ok(Some((value, at + 2)));
        }
    }
    if rest.len() >= CONTINUATION_BYTES_MAX {
        return Err(DecodeError::IntegerOverflow);
    }
    Ok(None)
}

/// Appends `value` to `out`; `pattern` gives the bits of the first byte above the prefix.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each cast is of a value that was just compared or masked to fit"
)]
#[inline]
pub(super) fn encode(out: &mut Vec<u8>, pattern: u8, prefix_bits: u8, value: usize) {
    let mask = prefix_mask(prefix_bits);
    if value < usize::from(mask) {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | mask);
    let mut rest = value - usize::from(mask);
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(prefix_bits: u8, value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, 0, prefix_bits, value);
        out
    }

    #[test]
    fn appendix_c_1_vectors_hold() {
        for (prefix_bits, value, bytes) in [
            (5, 10, &[0b0000_1010][..]),
            (5, 1337, &[0b0001_1111, 0b1001_1010, 0b0000_1010]),
            (8, 42, &[0b0010_1010]),
        ] {
            assert_eq!(encoded(prefix_bits, value), bytes);
            let read = decode(bytes, prefix_bits);
            assert_eq!(read, Ok(Some((value, bytes.len()))));
        }
    }

    #[test]
    fn largest_value_is_32_bits() {
        let largest = encoded(5, u32::MAX as usize);
        assert_eq!(decode(&largest, 5), Ok(Some((u32::MAX as usize, 6))));
        let beyond = encoded(5, u32::MAX as usize + 1);
        assert_eq!(decode(&beyond, 5), Err(DecodeError::IntegerOverflow));
    }

    #[test]
    fn empty_continuations_end() {
        let zeros = [0x1f, 0x80, 0x80, 0x80, 0x80, 0x80];
        assert_eq!(decode(&zeros[..5], 5), Ok(None));
        assert_eq!(decode(&zeros, 5), Err(DecodeError::IntegerOverflow));
    }

    proptest! {
        #[test]
        fn decode_reverses_encode(value: u32, prefix_bits in 1_u8..=8) {
            let bytes = encoded(prefix_bits, value as usize);
            prop_assert_eq!(decode(&bytes, prefix_bits), Ok(Some((value as usize, bytes.len()))));
            for cut in 0..bytes.len() {
                prop_assert_eq!(decode(&bytes[..cut], prefix_bits), Ok(None));
            }
        }
    }
}
