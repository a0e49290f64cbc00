//! Frames that cost work and bring nothing.

use rzero_e2e::api::peers::v1::SumRequest;
use rzero_http2::frame::{ErrorCode, Frame, GoAway, Setting, Settings, write_settings};

use super::{Attack, CALM, Expect, MIB, Next, Reading, Script, flood, steps};
use crate::craft::{self, Streams, kind};

const IDLE: &str = "http2.limits.idle_frames";

pub(super) const TABLE: &[Attack] = &[
    Attack {
        name: "data-empty",
        reference: "CVE-2019-9518",
        what: "empty DATA frames on an open stream",
        limits: IDLE,
        script: || on_open_stream(|out| craft::data(out, craft::stream(1), b"", false)),
        ..Attack::BASE
    },
    Attack {
        name: "data-padding",
        reference: "CVE-2019-9518",
        what: "DATA frames of nothing but padding",
        limits: IDLE,
        script: data_padding,
        ..Attack::BASE
    },
    Attack {
        name: "data-one-byte",
        reference: "CVE-2019-9511",
        what: "messages in DATA frames of one byte each, within the window",
        limits: "http2.limits.small_data",
        within: std::time::Duration::from_secs(30),
        script: data_one_byte,
        ..Attack::BASE
    },
    Attack {
        name: "settings-flood",
        reference: "CVE-2019-9515",
        what: "SETTINGS frames; their acknowledgements are not read",
        limits: "http2.limits.settings, http2.limits.answers_bytes_max",
        reading: Reading::Never,
        script: || flood(&[], |out, _| write_settings(out, &[])),
        ..Attack::BASE
    },
    Attack {
        name: "settings-storm",
        reference: "CVE-2019-9515",
        what: "SETTINGS that change the window of 500 open streams 2,730 times a frame",
        limits: "http2.limits.settings",
        // 2,000 calls are open, and as many of connections that end.
        memory_bytes_max: 32 * MIB,
        script: settings_storm,
        ..Attack::BASE
    },
    Attack {
        name: "settings-acks",
        reference: "CVE-2019-9515",
        what: "acknowledgements of settings that were never sent",
        limits: IDLE,
        expect: Expect::GoAway(&[ErrorCode::ENHANCE_YOUR_CALM, ErrorCode::PROTOCOL_ERROR]),
        script: || flood(&[], |out, _| Frame::Settings(Settings::Ack).write(out)),
        ..Attack::BASE
    },
    Attack {
        name: "ping-flood",
        reference: "CVE-2019-9512",
        what: "PING frames; their answers are not read",
        limits: "http2.limits.idle_frames, http2.limits.answers_bytes_max",
        reading: Reading::Never,
        script: || flood(&[], |out, _| craft::ping(out)),
        ..Attack::BASE
    },
    Attack {
        name: "priority-flood",
        reference: "CVE-2019-9513",
        what: "PRIORITY frames that shuffle the streams of a tree",
        limits: IDLE,
        script: || {
            let mut turn = 0_u32;
            flood(&[], move |out, _| {
                turn = (turn + 1) % 500;
                let on = craft::stream(2 * ((turn + 7) % 500) + 1);
                craft::priority(out, craft::stream(2 * turn + 1), Some(on));
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "reset-flood-closed",
        reference: "CVE-2019-9514",
        what: "RST_STREAM for a stream that is long gone",
        limits: IDLE,
        script: || on_open_stream(|out| craft::cancel(out, craft::stream(1))),
        ..Attack::BASE
    },
    Attack {
        name: "reset-flood-idle",
        reference: "CVE-2019-9514",
        what: "RST_STREAM for streams that were never opened",
        limits: "RFC 9113 section 6.4",
        expect: Expect::GoAway(&[ErrorCode::PROTOCOL_ERROR]),
        script: || {
            let mut streams = Streams::default();
            flood(&[], move |out, _| craft::cancel(out, streams.open()))
        },
        ..Attack::BASE
    },
    Attack {
        name: "reset-flood-invalid",
        reference: "CVE-2019-9514",
        what: "requests without a path, so that each is answered by RST_STREAM; nothing is read",
        limits: "http2.limits.resets, http2.limits.answers_bytes_max",
        reading: Reading::Never,
        script: || {
            let block = craft::block(&[(":method", "POST"), (":scheme", "http")]);
            let mut streams = Streams::default();
            flood(&[], move |out, _| {
                craft::headers(out, streams.open(), &block, true)
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "window-update-flood",
        reference: "CVE-2019-9517",
        what: "WINDOW_UPDATE by one byte, on the connection",
        limits: IDLE,
        script: || flood(&[], |out, _| craft::window_update(out, None, 1)),
        ..Attack::BASE
    },
    Attack {
        name: "unknown-flood",
        reference: "",
        what: "frames of a type that nobody knows",
        limits: IDLE,
        script: || {
            flood(&[], |out, _| {
                craft::raw(out, kind::UNKNOWN, 0xff, None, b"?")
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "goaway-flood",
        reference: "",
        what: "GOAWAY over and over, with a text of 8 KiB",
        limits: IDLE,
        expect: Expect::Cut,
        script: || {
            let text = vec![b'x'; 8 << 10];
            on_open_stream(move |out| {
                let go_away = GoAway {
                    last_stream: None,
                    code: ErrorCode::NO_ERROR,
                    debug_data: &text,
                };
                Frame::GoAway(go_away).write(out);
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "push-promise",
        reference: "RFC 9113 section 8.4",
        what: "PUSH_PROMISE, which no client may send",
        limits: "RFC 9113 section 8.4",
        expect: Expect::GoAway(&[ErrorCode::PROTOCOL_ERROR]),
        script: || {
            on_open_stream(|out| craft::raw(out, 5, 4, Some(craft::stream(1)), &[0, 0, 0, 2, 0x82]))
        },
        ..Attack::BASE
    },
    Attack {
        name: "frame-too-long",
        reference: "RFC 9113 section 4.2",
        what: "frames of 16 MiB",
        limits: "http2.frame_bytes_max",
        expect: Expect::GoAway(&[ErrorCode::FRAME_SIZE_ERROR]),
        script: || {
            let payload = vec![0; (1 << 24) - 1];
            on_open_stream(move |out| craft::data(out, craft::stream(1), &payload, false))
        },
        ..Attack::BASE
    },
    Attack {
        name: "settings-too-many",
        reference: "CVE-2020-11080",
        what: "SETTINGS frames of 2,730 entries that nobody knows",
        limits: "http2.limits.settings",
        expect: CALM,
        script: || {
            let list = [Setting::Unknown { id: 0x77, value: 7 }; 2730];
            flood(&[], move |out, _| write_settings(out, &list))
        },
        ..Attack::BASE
    },
];

/// Opens a stream whose client streams, and then appends one thing after the other.
fn on_open_stream(mut each: impl FnMut(&mut Vec<u8>) + Send + 'static) -> Script {
    let (block, mut begun) = (craft::request(craft::SUM, &[]), false);
    flood(&[], move |out, _| {
        if std::mem::replace(&mut begun, true) {
            each(out);
        } else {
            craft::headers(out, craft::stream(1), &block, false);
        }
    })
}

/// What a script has sent on one stream within its windows.
fn has_room(seen: &crate::seen::Seen, sent: u64) -> bool {
    sent < seen
        .stream_room(craft::stream(1))
        .min(seen.connection_room())
}

fn data_padding() -> Script {
    let (block, mut begun, mut sent) = (craft::request(craft::SUM, &[]), false, 0);
    steps(&[], move |out, seen| {
        if !std::mem::replace(&mut begun, true) {
            craft::headers(out, craft::stream(1), &block, false);
        }
        while has_room(seen, sent + 256) && out.len() < super::BATCH_BYTES {
            craft::padded(out, craft::stream(1), b"", Some(255), false);
            sent += 256;
        }
        if out.is_empty() {
            Next::Wait
        } else {
            Next::More
        }
    })
}

fn data_one_byte() -> Script {
    let block = craft::request(craft::SUM, &[]);
    let message = craft::message(&SumRequest { value: 1 });
    let (mut begun, mut sent, mut bytes) = (false, 0, message.into_iter().cycle());
    steps(&[], move |out, seen| {
        if !std::mem::replace(&mut begun, true) {
            craft::headers(out, craft::stream(1), &block, false);
        }
        while has_room(seen, sent + 1) && out.len() < super::BATCH_BYTES {
            let byte = bytes.next().unwrap_or(0);
            craft::data(out, craft::stream(1), &[byte], false);
            sent += 1;
        }
        if out.is_empty() {
            Next::Wait
        } else {
            Next::More
        }
    })
}

fn settings_storm() -> Script {
    let (block, mut streams) = (craft::request(craft::CHAT, &[]), Streams::default());
    let list: Vec<Setting> = (0..2730)
        .map(|turn| Setting::InitialWindowSize(if turn % 2 == 0 { 1 << 20 } else { 1 }))
        .collect();
    flood(&[], move |out, _| {
        if streams.opened() < 500 {
            craft::headers(out, streams.open(), &block, false);
        } else {
            write_settings(out, &list);
        }
    })
}
