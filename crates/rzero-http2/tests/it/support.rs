//! Bytes from text, and blocks as lists.

use rzero_http2::hpack::{BlockPart, DecodeError, Decoder, DecoderConfig, Encoder, Indexing};

/// A field that was handed out: name, value, never indexed.
pub(crate) type Owned = (Vec<u8>, Vec<u8>, bool);

/// Bytes from hexadecimal digits; white space is for the eye.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}

/// Decodes a block in the given fragments: the fields handed out, and how it ended.
pub(crate) fn decode_parts(
    decoder: &mut Decoder,
    parts: &[&[u8]],
) -> (Vec<Owned>, Result<(), DecodeError>) {
    let mut fields = Vec::new();
    let mut result = Ok(());
    for (at, fragment) in parts.iter().enumerate() {
        let part = if at + 1 == parts.len() {
            BlockPart::Last
        } else {
            BlockPart::More
        };
        result = decoder.decode(fragment, part, |field| {
            let owned = (field.name.to_vec(), field.value.to_vec());
            fields.push((owned.0, owned.1, field.never_indexed));
        });
        if result.is_err() {
            break;
        }
    }
    (fields, result)
}

/// Decodes a block that must be valid.
pub(crate) fn decode(decoder: &mut Decoder, block: &[u8]) -> Vec<Owned> {
    let (fields, result) = decode_parts(decoder, &[block]);
    assert_eq!(result, Ok(()));
    fields
}

/// The error of a block that must be refused by a new decoder.
pub(crate) fn refused(block: &[u8]) -> DecodeError {
    let mut decoder = Decoder::new(DecoderConfig::default());
    decode_parts(&mut decoder, &[block]).1.unwrap_err()
}

/// Encodes one block.
pub(crate) fn encode(encoder: &mut Encoder, fields: &[(&str, &str, Indexing)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = encoder.block(&mut out);
    for (name, value, indexing) in fields {
        block.field(name.as_bytes(), value.as_bytes(), *indexing);
    }
    out
}
