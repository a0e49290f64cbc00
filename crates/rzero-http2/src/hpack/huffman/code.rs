//! The code itself: lengths from the RFC, codes computed from them.
//!
//! The code is canonical: symbols of equal length have consecutive codes in the order of their
//! values, so that the lengths of appendix B say everything.

/// Symbols: the 256 bytes and the end of the string.
pub(super) const SYMBOLS: usize = 257;

/// The end of the string: never sent whole, its beginning is the padding.
pub(super) const END: usize = 256;

/// The longest code, in bits.
const BITS_MAX: u8 = 30;

/// Length of each symbol's code, in bits (RFC 7541 appendix B).
#[rustfmt::skip]
pub(super) const BITS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, // 0x00
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, // 0x10
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, // 0x20
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, // 0x30
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // 0x40
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, // 0x50
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, // 0x60
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, // 0x70
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, // 0x80
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, // 0x90
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, // 0xa0
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, // 0xb0
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, // 0xc0
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, // 0xd0
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, // 0xe0
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, // 0xf0
    30, // end of string
];

/// Each symbol's code, right-aligned.
pub(super) const CODES: [u32; SYMBOLS] = codes();

const fn codes() -> [u32; SYMBOLS] {
    let mut codes = [0; SYMBOLS];
    let mut next = 0;
    let mut bits = 1;
    while bits <= BITS_MAX {
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if BITS[symbol] == bits {
                codes[symbol] = next;
                next += 1;
            }
            symbol += 1;
        }
        next <<= 1;
        bits += 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appendix_b_samples_hold() {
        for (symbol, code) in [
            (0, 0x1ff8),
            (usize::from(b'\n'), 0x3fff_fffc),
            (usize::from(b'0'), 0x0),
            (usize::from(b'A'), 0x21),
            (usize::from(b'a'), 0x3),
            (usize::from(b'z'), 0x7b),
            (usize::from(b'\\'), 0x7fff0),
            (128, 0xfffe6),
            (201, 0x3ff_ffe3),
            (249, 0xfff_fffe),
            (255, 0x3ff_ffee),
            (END, 0x3fff_ffff),
        ] {
            assert_eq!(CODES[symbol], code, "symbol {symbol}");
        }
    }

    #[test]
    fn code_is_complete() {
        let used: u64 = BITS.iter().map(|bits| 1 << (BITS_MAX - bits)).sum();
        assert_eq!(used, 1 << BITS_MAX);
    }
}
