//! The examples of RFC 7541 appendix C.2 to C.6; C.1 stands beside the integers.

use rzero_http2::hpack::{Decoder, DecoderConfig, Encoder, Indexing};

use crate::support::{decode, encode, hex};

type Fields<'a> = &'a [(&'a str, &'a str)];

/// One block of an example: its bytes, its fields, and the dynamic table behind it.
struct Step<'a> {
    block: &'a str,
    fields: Fields<'a>,
    table: Fields<'a>,
    table_bytes: usize,
}

const DATE_21: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
const DATE_22: (&str, &str) = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
const LOCATION: (&str, &str) = ("location", "https://www.example.com");
const PRIVATE: (&str, &str) = ("cache-control", "private");
const NO_CACHE: (&str, &str) = ("cache-control", "no-cache");
const AUTHORITY: (&str, &str) = (":authority", "www.example.com");
const CUSTOM: (&str, &str) = ("custom-key", "custom-value");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const COOKIE: (&str, &str) = (
    "set-cookie",
    "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
);

const REQUESTS: [(Fields<'_>, Fields<'_>, usize); 3] = [
    (
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            AUTHORITY,
        ],
        &[AUTHORITY],
        57,
    ),
    (
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            AUTHORITY,
            NO_CACHE,
        ],
        &[NO_CACHE, AUTHORITY],
        110,
    ),
    (
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/index.html"),
            AUTHORITY,
            CUSTOM,
        ],
        &[CUSTOM, NO_CACHE, AUTHORITY],
        164,
    ),
];

const RESPONSES: [(Fields<'_>, Fields<'_>, usize); 3] = [
    (
        &[(":status", "302"), PRIVATE, DATE_21, LOCATION],
        &[LOCATION, DATE_21, PRIVATE, (":status", "302")],
        222,
    ),
    (
        &[(":status", "307"), PRIVATE, DATE_21, LOCATION],
        &[(":status", "307"), LOCATION, DATE_21, PRIVATE],
        222,
    ),
    (
        &[(":status", "200"), PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
        &[COOKIE, GZIP, DATE_22],
        215,
    ),
];

const C_3: [&str; 3] = [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
];

const C_4: [&str; 3] = [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
];

const C_5: [&str; 3] = [
    "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
     2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
     6c65 2e63 6f6d",
    "4803 3330 37c1 c0bf",
    "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
     54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
     5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
     3d31",
];

const C_6: [&str; 3] = [
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
     2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    "4883 640e ffc1 c0bf",
    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
     77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
     9587 3160 65c0 03ed 4ee5 b106 3d50 07",
];

/// The table of C.5 and C.6 has 256 bytes; this is how a block says so.
const TO_256_BYTES: &str = "3fe101";

fn steps<'a>(
    blocks: [&'a str; 3],
    lists: [(Fields<'a>, Fields<'a>, usize); 3],
) -> impl Iterator<Item = Step<'a>> {
    let steps = blocks.into_iter().zip(lists);
    steps.map(|(block, (fields, table, table_bytes))| Step {
        block,
        fields,
        table,
        table_bytes,
    })
}

fn texts(decoder: &mut Decoder, block: &[u8]) -> Vec<(String, String)> {
    decode(decoder, block)
        .into_iter()
        .map(|(name, value, _)| {
            (
                String::from_utf8(name).unwrap(),
                String::from_utf8(value).unwrap(),
            )
        })
        .collect()
}

fn owned(fields: Fields<'_>) -> Vec<(String, String)> {
    let pairs = fields.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The table, read through the indices that name it.
fn table(decoder: &Decoder, entries: usize) -> Vec<(String, String)> {
    let mut reader = decoder.clone();
    let last = 62 + u8::try_from(entries).unwrap();
    let indices: Vec<u8> = (62..last).map(|index| 0x80 | index).collect();
    let beyond = reader
        .clone()
        .decode(&[0x80 | last], rzero_http2::hpack::BlockPart::Last, |_| ());
    assert!(beyond.is_err(), "the table has more than {entries} entries");
    texts(&mut reader, &indices)
}

fn check_decoder<'a>(decoder: &mut Decoder, steps: impl Iterator<Item = Step<'a>>) {
    for step in steps {
        assert_eq!(texts(decoder, &hex(step.block)), owned(step.fields));
        assert_eq!(table(decoder, step.table.len()), owned(step.table));
        assert_eq!(decoder.table_bytes(), step.table_bytes);
    }
}

fn check_encoder<'a>(encoder: &mut Encoder, prefix: &str, steps: impl Iterator<Item = Step<'a>>) {
    for (at, step) in steps.enumerate() {
        let fields: Vec<_> = step
            .fields
            .iter()
            .map(|(n, v)| (*n, *v, Indexing::Add))
            .collect();
        let prefix = if at == 0 { prefix } else { "" };
        assert_eq!(
            encode(encoder, &fields),
            hex(&format!("{prefix}{}", step.block))
        );
        assert_eq!(encoder.table_bytes(), step.table_bytes);
    }
}

fn decoder_of_256_bytes() -> Decoder {
    let mut decoder = Decoder::new(DecoderConfig::default());
    decoder.set_table_bytes_max(256);
    decode(&mut decoder, &hex(TO_256_BYTES));
    decoder
}

#[test]
fn c_2_1_literal_with_indexing_is_read() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    let block = hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    let want = owned(&[("custom-key", "custom-header")]);
    assert_eq!(texts(&mut decoder, &block), want);
    assert_eq!(table(&decoder, 1), want);
    assert_eq!(decoder.table_bytes(), 55);
}

#[test]
fn c_2_2_literal_without_indexing_is_read() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    let block = hex("040c 2f73 616d 706c 652f 7061 7468");
    assert_eq!(
        texts(&mut decoder, &block),
        owned(&[(":path", "/sample/path")])
    );
    assert_eq!(decoder.table_bytes(), 0);
}

#[test]
fn c_2_3_literal_never_indexed_is_read() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    let block = hex("1008 7061 7373 776f 7264 0673 6563 7265 74");
    let fields = decode(&mut decoder, &block);
    assert_eq!(fields, [(b"password".to_vec(), b"secret".to_vec(), true)]);
    assert_eq!(decoder.table_bytes(), 0);
}

#[test]
fn c_2_4_indexed_field_is_read() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    assert_eq!(
        texts(&mut decoder, &hex("82")),
        owned(&[(":method", "GET")])
    );
}

#[test]
fn c_3_requests_without_huffman_are_read() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    check_decoder(&mut decoder, steps(C_3, REQUESTS));
}

#[test]
fn c_4_requests_with_huffman_are_read() {
    let mut decoder = Decoder::new(DecoderConfig::default());
    check_decoder(&mut decoder, steps(C_4, REQUESTS));
}

#[test]
fn c_5_responses_without_huffman_are_read() {
    check_decoder(&mut decoder_of_256_bytes(), steps(C_5, RESPONSES));
}

#[test]
fn c_6_responses_with_huffman_are_read() {
    check_decoder(&mut decoder_of_256_bytes(), steps(C_6, RESPONSES));
}

#[test]
fn c_4_requests_are_written_byte_for_byte() {
    check_encoder(&mut Encoder::new(), "", steps(C_4, REQUESTS));
}

#[test]
fn c_6_responses_are_written_byte_for_byte() {
    let mut encoder = Encoder::new();
    encoder.set_table_bytes_max(256);
    // The value `307` has three bytes in either form; ours is the plain one, as in C.5.
    let blocks = [C_6[0], C_5[1], C_6[2]];
    check_encoder(&mut encoder, TO_256_BYTES, steps(blocks, RESPONSES));
}
