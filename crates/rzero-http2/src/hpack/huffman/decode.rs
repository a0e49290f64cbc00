//! Decoding, four bits at a time.
//!
//! The states of the machine are the inner nodes of the code's tree. A code has at least five
//! bits, so that four bits complete at most one symbol. The table has 256 states of 16 steps.

use super::super::error::DecodeError;
use super::code::{BITS, CODES, END, SYMBOLS};

/// Inner nodes of a full binary tree with [`SYMBOLS`] leaves.
const STATES: usize = SYMBOLS - 1;

/// Padding is shorter than a byte (RFC 7541 section 5.2).
const PADDING_BITS_MAX: u8 = 7;

/// The step completes a symbol.
const EMITS: u8 = 1;
/// The string may end after the step: what is left over is valid padding.
const MAY_END: u8 = 2;
/// The step reaches the end-of-string symbol, which no string may contain.
const FAILS: u8 = 4;

/// What four bits do to a state.
#[derive(Clone, Copy)]
struct Step {
    next: u8,
    flags: u8,
    symbol: u8,
}

static STEPS: [[Step; 16]; STATES] = steps();

/// Appends the text of the coded string `coded` to `out`: at most 8 bytes for 5.
///
/// # Errors
///
/// [`DecodeError::InvalidHuffman`] for an end-of-string symbol and for invalid padding.
pub(in super::super) fn decode(out: &mut Vec<u8>, coded: &[u8]) -> Result<(), DecodeError> {
    let mut state = 0;
    let mut flags = MAY_END;
    for byte in coded {
        for nibble in [byte >> 4, byte & 0xf] {
            let step = STEPS[usize::from(state)][usize::from(nibble)];
            if step.flags & FAILS != 0 {
                return Err(DecodeError::InvalidHuffman);
            }
            if step.flags & EMITS != 0 {
                out.push(step.symbol);
            }
            state = step.next;
            flags = step.flags;
        }
    }
    if flags & MAY_END == 0 {
        return Err(DecodeError::InvalidHuffman);
    }
    Ok(())
}

/// The tree while it is built: for every inner node its two children. Values from [`STATES`] on
/// are leaves; 0 is a child not yet made, because the root is nobody's child.
struct Tree {
    children: [[usize; 2]; STATES],
    /// Whether a string may end at the node: it lies on the path of ones, near the root.
    may_end: [bool; STATES],
}

const fn tree() -> Tree {
    let mut tree = Tree {
        children: [[0; 2]; STATES],
        may_end: [false; STATES],
    };
    tree.may_end[0] = true;
    let mut nodes = 1;
    let mut symbol = 0;
    while symbol < SYMBOLS {
        let mut node = 0;
        let mut depth = 0;
        let mut ones = true;
        while depth + 1 < BITS[symbol] {
            let bit = (CODES[symbol] >> (BITS[symbol] - 1 - depth) & 1) as usize;
            depth += 1;
            ones = ones && bit == 1;
            if tree.children[node][bit] == 0 {
                tree.children[node][bit] = nodes;
                tree.may_end[nodes] = ones && depth <= PADDING_BITS_MAX;
                nodes += 1;
            }
            node = tree.children[node][bit];
        }
        tree.children[node][(CODES[symbol] & 1) as usize] = STATES + symbol;
        symbol += 1;
    }
    tree
}

const fn steps() -> [[Step; 16]; STATES] {
    let tree = tree();
    let empty = Step {
        next: 0,
        flags: 0,
        symbol: 0,
    };
    let mut steps = [[empty; 16]; STATES];
    let mut state = 0;
    while state < STATES {
        let mut nibble = 0;
        while nibble < 16 {
            steps[state][nibble] = step(&tree, state, nibble);
            nibble += 1;
        }
        state += 1;
    }
    steps
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "nodes and the symbols that reach a cast are below 256"
)]
const fn step(tree: &Tree, state: usize, nibble: usize) -> Step {
    let mut node = state;
    let mut step = Step {
        next: 0,
        flags: 0,
        symbol: 0,
    };
    let mut bit = 4;
    while bit > 0 {
        bit -= 1;
        node = tree.children[node][nibble >> bit & 1];
        if node == STATES + END {
            step.flags = FAILS;
            return step;
        }
        if node >= STATES {
            step.flags |= EMITS;
            step.symbol = (node - STATES) as u8;
            node = 0;
        }
    }
    if tree.may_end[node] {
        step.flags |= MAY_END;
    }
    step.next = node as u8;
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        decode(&mut out, coded).map(|()| out)
    }

    #[test]
    fn padding_of_up_to_7_ones_is_valid() {
        // `a` is 00011, then three bits of padding.
        assert_eq!(decoded(&[0b0001_1111]), Ok(b"a".to_vec()));
        // `&` is 11111000: no padding. Two of `?` (1111111100) and `a`: 25 bits, 7 of padding.
        assert_eq!(decoded(&[0b1111_1000]), Ok(b"&".to_vec()));
        assert_eq!(
            decoded(&[0xff, 0b0011_1111, 0b1100_0001, 0b1111_1111]),
            Ok(b"??a".to_vec())
        );
    }

    #[test]
    fn padding_of_a_whole_byte_is_refused() {
        assert_eq!(decoded(&[0xff]), Err(DecodeError::InvalidHuffman));
        assert_eq!(
            decoded(&[0b0001_1111, 0xff]),
            Err(DecodeError::InvalidHuffman)
        );
    }

    #[test]
    fn padding_with_a_zero_is_refused() {
        assert_eq!(decoded(&[0b0001_1110]), Err(DecodeError::InvalidHuffman));
        assert_eq!(decoded(&[0b0001_1011]), Err(DecodeError::InvalidHuffman));
    }

    #[test]
    fn end_of_string_is_refused() {
        assert_eq!(
            decoded(&[0xff, 0xff, 0xff, 0xff]),
            Err(DecodeError::InvalidHuffman)
        );
        // `a`, the whole end-of-string symbol, padding.
        assert_eq!(
            decoded(&[0b0001_1111, 0xff, 0xff, 0xff, 0b1110_0011]),
            Err(DecodeError::InvalidHuffman)
        );
    }

    #[test]
    fn empty_string_is_valid() {
        assert_eq!(decoded(&[]), Ok(Vec::new()));
    }
}
