//! `grpc-message`: percent-encoded UTF-8.

use std::borrow::Cow;

/// Longest `grpc-message` that is sent, in bytes: with the details it must fit in the 16 KiB that
/// common peers take as header fields.
const BYTES_MAX: usize = 4096;

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'%'
}

/// Percent-encodes what is not visible ASCII, and cuts what is too long.
pub(super) fn encode(text: &str) -> Cow<'_, str> {
    if text.len() <= BYTES_MAX && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(BYTES_MAX));
    for c in text.chars() {
        // Characters are encoded whole: a cut in the middle of one would be unreadable.
        if out.len() + 3 * c.len_utf8() > BYTES_MAX {
            break;
        }
        encode_char(c, &mut out);
    }
    Cow::Owned(out)
}

fn encode_char(c: char, out: &mut String) {
    for &byte in c.encode_utf8(&mut [0; 4]).as_bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            let hex = |n: u8| char::from(b"0123456789ABCDEF"[usize::from(n)]);
            out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
}

/// The text of a `grpc-message`; escapes that are none are kept as they are.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| tail.first_chunk::<2>())
            .flatten()
            .and_then(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
        match escaped {
            Some(byte) => (out.push(byte), rest = &tail[2..]).1,
            None => (out.push(*first), rest = tail).1,
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_survive(text in "\\PC{0,100}") {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(decode(encoded.as_bytes()), text);
        }

        #[test]
        fn arbitrary_messages_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        for text in ["ü".repeat(3000), "a".repeat(5000)] {
            let encoded = encode(&text);
            assert!(encoded.len() <= BYTES_MAX && encoded.len() > BYTES_MAX - 6);
            assert!(text.starts_with(&decode(encoded.as_bytes())));
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(encode("no such order"), Cow::Borrowed(_)));
    }
}
