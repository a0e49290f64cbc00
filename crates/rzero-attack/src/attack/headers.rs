//! Header blocks: endless, exploding, empty, or noise.

use rzero_e2e::api::peers::v1::SayRequest;
use rzero_http2::frame::{ErrorCode, Setting};

use super::{Attack, Expect, Next, Script, flood, steps};
use crate::craft::{self, FRAME_BYTES_MAX, Noise, Streams};

/// What ends a block that cannot be decoded.
const SPOILT: Expect = Expect::GoAway(&[ErrorCode::COMPRESSION_ERROR]);

pub(super) const TABLE: &[Attack] = &[
    Attack {
        name: "continuation-flood",
        reference: "CVE-2024-27316",
        what: "a header block that goes on in full CONTINUATION frames and never ends",
        limits: "http2.header_block_bytes_max, http2.header_list_bytes_max",
        script: || {
            let mut part = Vec::new();
            while part.len() + 8 < FRAME_BYTES_MAX {
                craft::plain(&mut part, b"a", b"b");
            }
            endless(part)
        },
        ..Attack::BASE
    },
    Attack {
        name: "continuation-empty",
        reference: "CVE-2024-27316, CVE-2019-9518",
        what: "a header block that goes on in empty CONTINUATION frames and never ends",
        limits: "http2.limits.continuations_max",
        script: || endless(Vec::new()),
        ..Attack::BASE
    },
    Attack {
        name: "continuation-byte",
        reference: "CVE-2024-27316",
        what: "a header block that goes on one byte per CONTINUATION frame, in a literal that never ends",
        limits: "http2.limits.continuations_max",
        script: || endless(vec![b'a']),
        ..Attack::BASE
    },
    Attack {
        name: "continuation-ended",
        reference: "CVE-2024-27316",
        what: "whole calls whose blocks come in a byte per frame as far as that is allowed",
        limits: "http2.limits.continuations_max",
        expect: Expect::Lives,
        script: continuation_ended,
        ..Attack::BASE
    },
    Attack {
        name: "hpack-bomb",
        reference: "CVE-2016-6581",
        what: "a table entry of 4,000 bytes, named 12,000 times in each block of 12 KiB",
        limits: "http2.header_list_bytes_max, http2.limits.resets",
        // Every block costs its stream. A peer that is quick enough reaches `resets`, too.
        expect: Expect::Marks(&["RST_STREAM ENHANCE_YOUR_CALM"]),
        script: hpack_bomb,
        ..Attack::BASE
    },
    Attack {
        name: "hpack-literal",
        reference: "CVE-2016-6581",
        what: "a literal that claims 256 MiB, and as much of it as is taken",
        limits: "http2.header_block_bytes_max",
        script: || {
            let mut begin = vec![0x00, 1, b'x'];
            craft::integer(&mut begin, 0, 7, 256 << 20);
            let (part, mut begun) = (vec![b'a'; FRAME_BYTES_MAX], false);
            flood(&[], move |out, _| {
                if std::mem::replace(&mut begun, true) {
                    craft::continuation(out, craft::stream(1), &part, false);
                } else {
                    craft::headers_begun(out, craft::stream(1), &begin);
                }
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "hpack-table-updates",
        reference: "RFC 7541 section 4.2",
        what: "a block of nothing but changes of the table's size",
        limits: "two updates a block",
        expect: SPOILT,
        script: || {
            let (block, mut streams) = ([0x20, 0x3f, 0xe1, 0x1f].repeat(2000), Streams::default());
            flood(&[], move |out, _| {
                craft::headers(out, streams.open(), &block, true)
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "hpack-table-thrash",
        reference: "",
        what: "calls whose blocks empty the table twice and fill it with 100 entries again",
        limits: "http2.header_table_bytes",
        expect: Expect::Lives,
        script: table_thrash,
        ..Attack::BASE
    },
    Attack {
        name: "headers-zero-length",
        reference: "CVE-2019-9516",
        what: "blocks of 400 fields with neither name nor value",
        limits: "http2.header_list_bytes_max, http2.limits.resets",
        script: || {
            let mut block = craft::request(craft::SAY, &[]);
            for _ in 0..400 {
                craft::plain(&mut block, b"", b"");
            }
            let mut streams = Streams::default();
            flood(&[], move |out, _| {
                craft::headers(out, streams.open(), &block, true)
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "headers-noise",
        reference: "",
        what: "blocks of random bytes",
        limits: "rules of RFC 7541",
        expect: Expect::GoAway(&[ErrorCode::COMPRESSION_ERROR, ErrorCode::ENHANCE_YOUR_CALM]),
        script: || {
            let (mut noise, mut streams) = (Noise::default(), Streams::default());
            flood(&[], move |out, _| {
                let block = noise.bytes(2000);
                craft::headers(out, streams.open(), &block, true);
            })
        },
        ..Attack::BASE
    },
];

/// A block that begins well and never ends.
fn endless(part: Vec<u8>) -> Script {
    let mut begin = craft::request(craft::SAY, &[]);
    if part.len() == 1 {
        // The bytes that follow belong to one long value.
        begin.extend_from_slice(&[0x00, 1, b'x']);
        craft::integer(&mut begin, 0, 7, 10_000);
    }
    let mut begun = false;
    flood(&[], move |out, _| {
        if std::mem::replace(&mut begun, true) {
            craft::continuation(out, craft::stream(1), &part, false);
        } else {
            craft::headers_begun(out, craft::stream(1), &begin);
        }
    })
}

/// How many CONTINUATION frames a well-meaning script sends for a block.
const FRAMES: usize = 30;

/// Streams that a script keeps open which wants to be answered.
const OPEN: u64 = 50;

fn continuation_ended() -> Script {
    let block = craft::request(craft::SAY, &[]);
    let message = craft::message(&SayRequest::default());
    let mut streams = Streams::default();
    let (first, rest) = block.split_at(block.len() - FRAMES);
    let (first, rest) = (first.to_vec(), rest.to_vec());
    steps(&[], move |out, seen| {
        while streams.opened() < seen.ended + OPEN {
            let stream = streams.open();
            craft::headers_begun(out, stream, &first);
            for (at, byte) in rest.iter().enumerate() {
                craft::continuation(out, stream, &[*byte], at + 1 == FRAMES);
            }
            craft::data(out, stream, &message, true);
        }
        Next::Wait
    })
}

fn hpack_bomb() -> Script {
    let mut remember = craft::request(craft::SAY, &[]);
    craft::remembered(&mut remember, b"x", &[b'a'; 4000]);
    let mut bomb = craft::request(craft::SAY, &[]);
    // The youngest entry has the index behind the 61 of the static table.
    bomb.extend(std::iter::repeat_n(0x80 | 62, 12_000));
    let (mut begun, mut streams) = (false, Streams::default());
    flood(&[Setting::EnablePush(false)], move |out, _| {
        let block = if std::mem::replace(&mut begun, true) {
            &bomb
        } else {
            &remember
        };
        craft::headers(out, streams.open(), block, true);
    })
}

fn table_thrash() -> Script {
    let mut block = vec![0x20, 0x3f, 0xe1, 0x1f];
    block.extend(craft::request(craft::SAY, &[]));
    for number in 0..100_u8 {
        craft::remembered(
            &mut block,
            b"x-n",
            &[b'0' + number / 10, b'0' + number % 10],
        );
    }
    let message = craft::message(&SayRequest::default());
    let mut streams = Streams::default();
    steps(&[], move |out, seen| {
        while streams.opened() < seen.ended + OPEN {
            craft::call(out, streams.open(), &block, &message);
        }
        Next::Wait
    })
}
