//! Messages that are too large, never end, explode, or make no sense.

use rzero_e2e::api::peers::v1::SayRequest;

use super::{Attack, Expect, MIB, Next, Script, steps};
use crate::craft::{self, Noise, Streams};

/// What a call ends with that is over its limit.
const EXHAUSTED: Expect = Expect::Marks(&["grpc-status 8"]);

/// Calls that are kept open where answers are waited for.
const OPEN: u64 = 50;

pub(super) const TABLE: &[Attack] = &[
    Attack {
        name: "message-oversized",
        reference: "",
        what: "calls whose messages claim 4 GiB",
        limits: "receive_bytes_max",
        expect: EXHAUSTED,
        memory_bytes_max: 32 * MIB,
        script: || {
            let mut message = craft::prefix(0, usize::MAX);
            message.resize(16 << 10, b'x');
            calls(craft::request(craft::SAY, &[]), message, false)
        },
        ..Attack::BASE
    },
    Attack {
        name: "message-unfinished",
        reference: "",
        what: "900 calls a connection whose messages claim 4 MiB, filled as far as the windows go and never finished",
        limits: "receive_buffer_max, the call's deadline",
        expect: Expect::Bounded,
        memory_bytes_max: 96 * MIB,
        script: unfinished,
        ..Attack::BASE
    },
    Attack {
        name: "gzip-bomb",
        reference: "",
        what: "compressed messages of 33 KiB that inflate to 5 MiB",
        limits: "receive_bytes_max",
        expect: EXHAUSTED,
        memory_bytes_max: 64 * MIB,
        script: || {
            let bomb = craft::gzip_of_zeros(5 << 20);
            let mut message = craft::prefix(1, bomb.len());
            message.extend_from_slice(&bomb);
            calls(
                craft::request(craft::SAY, &[("grpc-encoding", "gzip")]),
                message,
                true,
            )
        },
        ..Attack::BASE
    },
    Attack {
        name: "gzip-noise",
        reference: "",
        what: "compressed messages that are no gzip",
        limits: "none: each call fails",
        expect: Expect::Lives,
        script: || {
            let noise = Noise::default().bytes(1000);
            let mut message = craft::prefix(1, noise.len());
            message.extend_from_slice(&noise);
            calls(
                craft::request(craft::SAY, &[("grpc-encoding", "gzip")]),
                message,
                true,
            )
        },
        ..Attack::BASE
    },
    Attack {
        name: "metadata-garbage",
        reference: "",
        what: "calls with impossible timeouts, broken base64, unknown encodings and 200 odd fields",
        limits: "http2.header_list_bytes_max",
        expect: Expect::Lives,
        script: garbage,
        ..Attack::BASE
    },
    Attack {
        name: "message-noise",
        reference: "",
        what: "calls whose messages are random bytes, cut, or flagged wrongly",
        limits: "none: each call fails",
        expect: Expect::Lives,
        script: message_noise,
        ..Attack::BASE
    },
];

/// Makes the same call over and over. `whole`: with the end of its stream.
fn calls(block: Vec<u8>, message: Vec<u8>, whole: bool) -> Script {
    let (mut streams, mut sent) = (Streams::default(), 0);
    let bytes = message.len() as u64;
    steps(&[], move |out, seen| {
        while streams.opened() < seen.ended + OPEN && sent + bytes <= seen.connection_room() {
            let stream = streams.open();
            craft::headers(out, stream, &block, false);
            let mut parts = message.chunks(craft::FRAME_BYTES_MAX).peekable();
            while let Some(part) = parts.next() {
                craft::data(out, stream, part, whole && parts.peek().is_none());
            }
            sent += bytes;
        }
        Next::Wait
    })
}

fn unfinished() -> Script {
    let block = craft::request(craft::SAY, &[]);
    let prefix = craft::prefix(0, 4 << 20);
    let (mut streams, mut sent) = (Streams::default(), 0_u64);
    // What each stream was sent; the end of a stream is not seen here, frames behind it are lost.
    let mut open = Vec::new();
    steps(&[], move |out, seen| {
        let most = 900.min(seen.streams_max.unwrap_or(100).into());
        while streams.opened() < seen.ended + most && out.len() < super::BATCH_BYTES {
            if sent + 5 > seen.connection_room() {
                break;
            }
            let stream = streams.open();
            craft::headers(out, stream, &block, false);
            craft::data(out, stream, &prefix, false);
            sent += 5;
            open.push((stream, 5_u64));
        }
        let surplus = open.len().saturating_sub(900);
        open.drain(..surplus);
        let filling = [b'x'; 4096];
        for (stream, bytes) in &mut open {
            let room = seen
                .stream_room(*stream)
                .min((4 << 20) - 1)
                .saturating_sub(*bytes);
            let room = room.min(seen.connection_room() - sent).min(4096);
            if room > 0 && out.len() < 4 * super::BATCH_BYTES {
                let part = usize::try_from(room).unwrap_or(0);
                craft::data(out, *stream, &filling[..part], false);
                *bytes += room;
                sent += room;
            }
        }
        if out.is_empty() {
            Next::Wait
        } else {
            Next::More
        }
    })
}

fn garbage() -> Script {
    let many: Vec<(String, String)> = (0..200)
        .map(|n| (format!("x-{n}"), "?".repeat(20)))
        .collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let blocks = [
        craft::request(craft::SAY, &[("grpc-timeout", "99999999H")]),
        craft::request(craft::SAY, &[("grpc-timeout", "18446744073709551616n")]),
        craft::request(craft::SAY, &[("grpc-timeout", "-1S")]),
        craft::request(craft::SAY, &[("grpc-timeout", "")]),
        craft::request(craft::SAY, &[("grpc-timeout", "0u")]),
        craft::request(
            craft::SAY,
            &[("x-bin", "%%%"), ("y-bin", "A"), ("z-bin", "====")],
        ),
        craft::request(
            craft::SAY,
            &[("grpc-encoding", "br"), ("grpc-accept-encoding", ",,,")],
        ),
        craft::request(craft::SAY, &[("content-type", "text/html")]),
        craft::request(
            craft::SAY,
            &[("traceparent", "00-zz"), ("baggage", "=;=,,")],
        ),
        craft::request("/no/such", &[]),
        craft::request("/%00%ff", &[]),
        craft::request(craft::SAY, &many),
    ];
    let message = craft::message(&SayRequest::default());
    let (mut streams, mut turn) = (Streams::default(), 0);
    steps(&[], move |out, seen| {
        while streams.opened() < seen.ended + OPEN {
            craft::call(out, streams.open(), &blocks[turn % blocks.len()], &message);
            turn += 1;
        }
        Next::Wait
    })
}

fn message_noise() -> Script {
    let block = craft::request(craft::SAY, &[]);
    let (mut streams, mut noise, mut sent) = (Streams::default(), Noise::default(), 0);
    steps(&[], move |out, seen| {
        while streams.opened() < seen.ended + OPEN && sent + 200 <= seen.connection_room() {
            let body = noise.bytes(100);
            let (flag, claimed) = match noise.byte() % 4 {
                0 => (0, body.len()),
                1 => (0, body.len() + 50),
                2 => (0, body.len() - 50),
                _ => (noise.byte(), body.len()),
            };
            let mut message = craft::prefix(flag, claimed);
            message.extend_from_slice(&body);
            sent += message.len() as u64;
            craft::call(out, streams.open(), &block, &message);
        }
        Next::Wait
    })
}
