//! Blocks that must be refused, and what stays true then.

use rzero_http2::hpack::{BlockPart, DecodeError, Decoder, DecoderConfig, Encoder, Indexing};

use crate::support::{decode, decode_parts, encode, hex, refused};

#[test]
fn index_without_field_is_refused() {
    assert_eq!(refused(&[0x80]), DecodeError::UnknownIndex { index: 0 });
    assert_eq!(refused(&[0xbe]), DecodeError::UnknownIndex { index: 62 });
    // The same for the name of a literal.
    let literal = [0x7e, 0x01, b'x'];
    assert_eq!(refused(&literal), DecodeError::UnknownIndex { index: 62 });
}

#[test]
fn block_that_ends_inside_a_field_is_refused() {
    for block in ["40", "4001", "400161", "40016102", "4001610262", "ff", "3f"] {
        assert_eq!(refused(&hex(block)), DecodeError::Truncated, "{block}");
    }
}

#[test]
fn endless_integer_is_refused() {
    assert_eq!(refused(&hex("ff8080808080")), DecodeError::IntegerOverflow);
    assert_eq!(refused(&hex("ffffffffff7f")), DecodeError::IntegerOverflow);
}

#[test]
fn bad_huffman_is_refused() {
    for value in ["81ff", "821fff", "8118", "84ffffffff"] {
        let block = hex(&format!("0001 61 {value}"));
        assert_eq!(refused(&block), DecodeError::InvalidHuffman, "{value}");
    }
}

#[test]
fn larger_table_than_allowed_is_refused() {
    let want = DecodeError::SizeUpdateTooLarge {
        bytes: 4097,
        bytes_max: 4096,
    };
    assert_eq!(refused(&hex("3fe21f")), want);
}

#[test]
fn size_update_behind_a_field_is_refused() {
    assert_eq!(refused(&hex("8220")), DecodeError::SizeUpdateMisplaced);
}

#[test]
fn third_size_update_is_refused() {
    assert_eq!(refused(&hex("202020")), DecodeError::SizeUpdateMisplaced);
}

#[test]
fn smaller_table_has_to_be_confirmed() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    decoder.set_table_bytes_max(0);
    decoder.set_table_bytes_max(4096);
    let (_, result) = decode_parts(&mut decoder.clone(), &[&hex("82")]);
    assert_eq!(result, Err(DecodeError::SizeUpdateMissing));
    // An update to what is allowed now leaves out the eviction in between.
    let (_, result) = decode_parts(&mut decoder.clone(), &[&hex("3fe11f82")]);
    assert_eq!(result, Err(DecodeError::SizeUpdateMissing));
    assert_eq!(decode(&mut decoder, &hex("203fe11f82")).len(), 1);
}

#[test]
fn one_indexed_field_expanded_many_times_stops_at_the_limit() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    let value = "v".repeat(4000);
    let mut encoder = Encoder::new();
    let mut block = encode(&mut encoder, &[("a", &value, Indexing::Add)]);
    block.resize(block.len() + 10_000, 0xbe);
    let (fields, result) = decode_parts(&mut decoder, &[&block]);
    assert_eq!(fields.len(), 4, "4 times 4033 bytes fit in 16 KiB");
    assert_eq!(result, Err(DecodeError::ListTooLarge { bytes_max: 16_384 }));
}

#[test]
fn large_list_leaves_the_table_in_step() {
    let config = DecoderConfig {
        list_bytes_max: 100,
        ..DecoderConfig::default()
    };
    let mut decoder = Decoder::new(config);
    let mut encoder = Encoder::new();
    let long = "x".repeat(200);
    let fields = [("a", &*long, Indexing::Add), ("b", "1", Indexing::Add)];
    let block = encode(&mut encoder, &fields);
    let (seen, result) = decode_parts(&mut decoder, &[&block]);
    assert_eq!(seen, []);
    assert_eq!(result, Err(DecodeError::ListTooLarge { bytes_max: 100 }));
    let next = encode(&mut encoder, &[("b", "1", Indexing::Add)]);
    assert_eq!(next, [0xbe]);
    let want = (b"b".to_vec(), b"1".to_vec(), false);
    assert_eq!(decode(&mut decoder, &next), [want]);
}

#[test]
fn list_of_exactly_the_limit_passes() {
    for (list_bytes_max, fits) in [(34, true), (33, false)] {
        let config = DecoderConfig {
            list_bytes_max,
            ..DecoderConfig::default()
        };
        let mut decoder = Decoder::new(config);
        let (fields, result) = decode_parts(&mut decoder, &[&hex("0001610162")]);
        assert_eq!((fields.len(), result.is_ok()), (usize::from(fits), fits));
    }
}

#[test]
fn unfinished_block_is_bounded() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    let fragment = [0x82; 1000];
    let refused_at = (1..)
        .find(|_| decoder.decode(&fragment, BlockPart::More, |_| ()).is_err())
        .unwrap();
    assert_eq!(refused_at, 17, "16,384 bytes hold 16 fragments");
    let want = Err(DecodeError::BlockTooLarge { bytes_max: 16_384 });
    assert_eq!(decoder.decode(&[], BlockPart::Last, |_| ()), want);
}

#[test]
fn fatal_error_is_final() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    for block in [[0x80], [0x82]] {
        let (_, result) = decode_parts(&mut decoder, &[&block]);
        assert_eq!(result, Err(DecodeError::UnknownIndex { index: 0 }));
    }
}

#[test]
fn name_survives_the_eviction_of_its_own_entry() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    // A table of 64 bytes holds one of these fields. The second takes its name from the first.
    let block = hex("3f21 4001 6101 62 7e01 63");
    let fields = decode(&mut decoder, &block);
    assert_eq!(fields[1], (b"a".to_vec(), b"c".to_vec(), false));
    let kept = decode(&mut decoder, &hex("be"));
    assert_eq!(kept, fields[1..]);
}
