//! The Huffman code of strings (RFC 7541 section 5.2 and appendix B).

mod code;
mod decode;
mod encode;

pub(super) use decode::decode;
pub(super) use encode::{encode, encoded_len};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decode_reverses_encode(text: Vec<u8>) {
            let mut coded = Vec::new();
            encode(&mut coded, &text);
            prop_assert_eq!(coded.len(), encoded_len(&text));
            let mut read = Vec::new();
            prop_assert_eq!(decode(&mut read, &coded), Ok(()));
            prop_assert_eq!(read, text);
        }

        #[test]
        fn noise_expands_at_most_8_to_5(noise: Vec<u8>) {
            let mut read = Vec::new();
            if decode(&mut read, &noise).is_ok() {
                let mut again = Vec::new();
                encode(&mut again, &read);
                prop_assert_eq!(again, noise.clone());
            }
            prop_assert!(read.len() * 5 <= noise.len() * 8);
        }
    }
}
