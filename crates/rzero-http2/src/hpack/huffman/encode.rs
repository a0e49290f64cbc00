//! Encoding.

use super::code::{BITS, CODES};

/// The bytes that [`encode`] would append for `text`.
pub(in super::super) fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text
        .iter()
        .map(|byte| usize::from(BITS[usize::from(*byte)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends the coded form of `text` to `out`, padded with ones to whole bytes.
pub(in super::super) fn encode(out: &mut Vec<u8>, text: &[u8]) {
    // At most 7 bits are left over from the symbol before, and a code has at most 30.
    let mut waiting: u64 = 0;
    let mut waiting_bits = 0;
    for byte in text {
        let symbol = usize::from(*byte);
        waiting = waiting << BITS[symbol] | u64::from(CODES[symbol]);
        waiting_bits += BITS[symbol];
        while waiting_bits >= 8 {
            waiting_bits -= 8;
            out.push((waiting >> waiting_bits & 0xff) as u8);
        }
    }
    if waiting_bits > 0 {
        let padding = 8 - waiting_bits;
        out.push((((waiting << padding) | ((1 << padding) - 1)) & 0xff) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appendix_c_strings_hold() {
        let mut out = Vec::new();
        encode(&mut out, b"www.example.com");
        let want = [
            0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
        ];
        assert_eq!(out, want);
        assert_eq!(encoded_len(b"www.example.com"), want.len());
    }
}
