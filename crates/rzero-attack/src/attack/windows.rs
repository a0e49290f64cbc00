//! Windows that stay shut while much is asked for, and more streams than allowed.

use std::time::Duration;

use rzero_e2e::api::peers::v1::{CountRequest, SayRequest};
use rzero_http2::frame::Setting;

use super::{Attack, Expect, MIB, Next, Reading, Script, steps};
use crate::craft::{self, Streams};
use crate::victim;

/// What each asked answer holds.
const ANSWER_BYTES: usize = 256 * 1024;

/// A window that never opens.
const SHUT: &[Setting] = &[Setting::InitialWindowSize(0)];

/// A window that a byte opens at a time.
const TINY: &[Setting] = &[Setting::InitialWindowSize(1)];

/// A window that holds nobody up: the transport has to.
const WIDE: &[Setting] = &[Setting::InitialWindowSize((1 << 31) - 1)];

pub(super) const TABLE: &[Attack] = &[
    Attack {
        name: "window-zero",
        reference: "CVE-2019-9517",
        what: "900 calls a connection for answers of 256 KiB each, with a window of 0",
        limits: "send_buffer_max, the call's deadline",
        expect: Expect::Bounded,
        memory_bytes_max: 96 * MIB,
        honest: Some(large_answer),
        script: || ask(SHUT, 900, large_answer()),
        ..Attack::BASE
    },
    Attack {
        name: "window-zero-streams",
        reference: "CVE-2019-9517",
        what: "900 endless server streams a connection, with a window of 0",
        limits: "back-pressure of each stream",
        expect: Expect::Bounded,
        memory_bytes_max: 96 * MIB,
        honest: Some(short_stream),
        script: || ask(SHUT, 900, endless_stream()),
        ..Attack::BASE
    },
    Attack {
        name: "data-dribble",
        reference: "CVE-2019-9511",
        what: "100 calls for large answers, whose windows are opened by a byte every 10 ms",
        limits: "http2.limits.idle_frames, the call's deadline",
        expect: Expect::Bounded,
        memory_bytes_max: 96 * MIB,
        honest: Some(large_answer),
        script: dribble,
        ..Attack::BASE
    },
    Attack {
        name: "transport-shut",
        reference: "CVE-2019-9517",
        what: "900 calls a connection for answers of 256 KiB each with the widest window; nothing is read",
        limits: "send_buffer_max, the call's deadline, keepalive_timeout",
        expect: Expect::Bounded,
        memory_bytes_max: 96 * MIB,
        reading: Reading::Never,
        honest: Some(large_answer),
        script: || ask(WIDE, 900, large_answer()),
        ..Attack::BASE
    },
    Attack {
        name: "transport-shut-streams",
        reference: "CVE-2019-9517",
        what: "900 endless server streams a connection with the widest window; nothing is read",
        limits: "back-pressure of each stream, keepalive_timeout",
        expect: Expect::Bounded,
        memory_bytes_max: 96 * MIB,
        reading: Reading::Never,
        honest: Some(long_stream),
        script: || ask(WIDE, 900, endless_stream()),
        ..Attack::BASE
    },
    Attack {
        name: "streams-over-limit",
        reference: "",
        what: "5,000 streams opened on a connection and kept open",
        limits: "streams_max, http2.limits.resets",
        expect: Expect::Marks(&["RST_STREAM REFUSED_STREAM"]),
        memory_bytes_max: 64 * MIB,
        script: || {
            let (block, mut streams) = (craft::request(craft::CHAT, &[]), Streams::default());
            steps(&[], move |out, _| {
                while streams.opened() < 5_000 && out.len() < super::BATCH_BYTES {
                    craft::headers(out, streams.open(), &block, false);
                }
                if out.is_empty() {
                    Next::Hold
                } else {
                    Next::More
                }
            })
        },
        ..Attack::BASE
    },
];

/// A call for a large answer.
fn large_answer() -> (&'static str, Vec<u8>) {
    let text = victim::ask_for(ANSWER_BYTES);
    (
        craft::SAY,
        craft::message(&SayRequest {
            text,
            ..Default::default()
        }),
    )
}

/// A call for a stream that does not end.
fn endless_stream() -> (&'static str, Vec<u8>) {
    stream_of(i64::MAX)
}

/// A call for a stream of about as many messages as an endless one has made when it has to wait
/// for its window.
fn short_stream() -> (&'static str, Vec<u8>) {
    stream_of(200)
}

/// The same, where it has to wait for the transport.
fn long_stream() -> (&'static str, Vec<u8>) {
    stream_of(1_000)
}

fn stream_of(count: i64) -> (&'static str, Vec<u8>) {
    let request = CountRequest {
        count,
        ..Default::default()
    };
    (craft::COUNT, craft::message(&request))
}

/// Keeps `open` calls open.
fn ask(
    settings: &'static [Setting],
    open: u64,
    (path, message): (&'static str, Vec<u8>),
) -> Script {
    let (block, mut streams) = (craft::request(path, &[]), Streams::default());
    steps(settings, move |out, seen| {
        let most = open.min(seen.streams_max.unwrap_or(100).into());
        while streams.opened() < seen.ended + most && out.len() < super::BATCH_BYTES {
            craft::call(out, streams.open(), &block, &message);
        }
        if out.is_empty() {
            Next::Wait
        } else {
            Next::More
        }
    })
}

fn dribble() -> Script {
    let (path, message) = large_answer();
    let (block, mut streams) = (craft::request(path, &[]), Streams::default());
    let mut open = Vec::new();
    steps(TINY, move |out, seen| {
        while streams.opened() < seen.ended + 100 {
            let stream = streams.open();
            craft::call(out, stream, &block, &message);
            open.push(stream);
            if open.len() > 100 {
                open.remove(0);
            }
        }
        for stream in &open {
            craft::window_update(out, Some(*stream), 1);
        }
        Next::After(Duration::from_millis(10))
    })
}
