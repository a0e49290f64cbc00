//! Compression in general: random fields, sizes, cuts and noise.

use proptest::collection::vec;
use proptest::prelude::*;
use rzero_http2::hpack::{Decoder, DecoderConfig, Encoder, Indexing};

use crate::support::{Owned, decode_parts};

/// Fields that often repeat, so that all representations and evictions occur.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::sample::select(vec![
            &b":path"[..], b":status", b"te", b"content-type", b"user-agent", b"x-trace", b"",
        ]).prop_map(<[u8]>::to_vec),
        1 => "[a-z-]{1,40}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..40),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::sample::select(vec![&b"200"[..], b"/", b"trailers", b"x", b""])
            .prop_map(<[u8]>::to_vec),
        1 => "[ -~]{0,200}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..200),
        1 => (0_usize..3000).prop_map(|len| vec![b'v'; len]),
    ]
}

fn indexing() -> impl Strategy<Value = Indexing> {
    prop::sample::select(vec![Indexing::Add, Indexing::Plain, Indexing::Never])
}

type Fields = Vec<(Vec<u8>, Vec<u8>, Indexing)>;

#[derive(Debug, Clone)]
enum Step {
    TableBytesMax(usize),
    Block(Fields),
}

fn fields() -> impl Strategy<Value = Fields> {
    vec((name(), value(), indexing()), 0..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0_usize..5000).prop_map(Step::TableBytesMax),
        1 => Just(Step::TableBytesMax(0)),
        6 => fields().prop_map(Step::Block),
    ]
}

/// Encodes `fields` behind what the encoder has to say first.
fn encode(encoder: &mut Encoder, fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = encoder.block(&mut out);
    for (name, value, indexing) in fields {
        block.field(name, value, *indexing);
    }
    out
}

fn wanted(fields: Fields) -> Vec<Owned> {
    let fields = fields.into_iter();
    fields
        .map(|(name, value, i)| (name, value, i == Indexing::Never))
        .collect()
}

fn roomy() -> DecoderConfig {
    DecoderConfig {
        list_bytes_max: 1 << 20,
        block_bytes_max: 1 << 20,
    }
}

/// `bytes` cut at the given places, which may repeat and lie outside.
fn cut(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut start = 0;
    let parts = places.into_iter().map(|end| {
        let part = bytes[start..end].to_vec();
        start = end;
        part
    });
    parts.collect()
}

proptest! {
    #[test]
    fn decode_reverses_encode_over_many_blocks(steps in vec(step(), 1..30)) {
        let mut encoder = Encoder::new();
        let mut decoder = Decoder::new(roomy());
        for step in steps {
            match step {
                Step::TableBytesMax(bytes_max) => {
                    encoder.set_table_bytes_max(bytes_max);
                    decoder.set_table_bytes_max(bytes_max);
                }
                Step::Block(fields) => {
                    let block = encode(&mut encoder, &fields);
                    let (seen, result) = decode_parts(&mut decoder, &[&block]);
                    prop_assert_eq!(result, Ok(()));
                    prop_assert_eq!(seen, wanted(fields));
                    prop_assert_eq!(encoder.table_bytes(), decoder.table_bytes());
                }
            }
        }
    }

    #[test]
    fn cuts_change_nothing(
        fields in fields(),
        noise in vec(any::<u8>(), 0..20),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
        block_bytes_max in prop_oneof![Just(1 << 20), 0_usize..600],
        list_bytes_max in prop_oneof![Just(1 << 20), 0_usize..600],
    ) {
        let mut block = encode(&mut Encoder::new(), &fields);
        block.extend(noise);
        let config = DecoderConfig { list_bytes_max, block_bytes_max };
        let whole = decode_parts(&mut Decoder::new(config.clone()), &[&block]);

        let parts = cut(&block, &cuts);
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(&decode_parts(&mut Decoder::new(config.clone()), &parts), &whole);

        let bytes: Vec<&[u8]> = block.chunks(1).collect();
        if !bytes.is_empty() {
            prop_assert_eq!(&decode_parts(&mut Decoder::new(config), &bytes), &whole);
        }
    }

    #[test]
    fn noise_never_panics_nor_exceeds_the_list(blocks in vec(vec(any::<u8>(), 0..300), 1..6)) {
        let mut decoder = Decoder::new(DecoderConfig::default());
        for block in blocks {
            let (seen, _) = decode_parts(&mut decoder, &[&block]);
            let list: usize = seen.iter().map(|(n, v, _)| n.len() + v.len() + 32).sum();
            prop_assert!(list <= 16_384);
            prop_assert!(decoder.table_bytes() <= 4096);
        }
    }
}
