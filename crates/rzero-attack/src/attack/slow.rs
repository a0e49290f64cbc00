//! Peers that take their time, or are not there any more.

use std::time::Duration;

use super::{Attack, Expect, MIB, Next, Reading, Script, steps};
use crate::craft::{self, PREFACE};

/// Between two bytes of a slow peer: its preface takes 24 seconds.
const PAUSE: Duration = Duration::from_millis(1000);

/// The time that the server gives to handshakes and header blocks, and some more.
const PATIENCE: Duration = Duration::from_secs(12);

pub(super) const TABLE: &[Attack] = &[
    Attack {
        name: "silent",
        reference: "",
        what: "500 connections that never send a byte",
        limits: "handshake_timeout",
        expect: Expect::Cut,
        within: PATIENCE,
        connections: 500,
        script: || Box::new(|_, _| Next::Hold),
        ..Attack::BASE
    },
    Attack {
        name: "slow-preface",
        reference: "slowloris",
        what: "500 connections that send their preface a byte a second",
        limits: "handshake_timeout",
        expect: Expect::Cut,
        within: PATIENCE,
        connections: 500,
        script: || drip(PREFACE.to_vec()),
        ..Attack::BASE
    },
    Attack {
        name: "slow-headers",
        reference: "slowloris",
        what: "500 connections that send the header block of a call a byte a second",
        limits: "handshake_timeout",
        expect: Expect::Cut,
        within: PATIENCE,
        connections: 500,
        script: || {
            let mut slow = Vec::new();
            craft::headers(
                &mut slow,
                craft::stream(1),
                &craft::request(craft::SAY, &[]),
                false,
            );
            let mut drip = drip(slow);
            steps(&[], move |out, seen| drip(out, seen))
        },
        ..Attack::BASE
    },
    Attack {
        name: "slow-continuation",
        reference: "slowloris",
        what: "500 connections whose first header block never ends, with nothing behind it",
        limits: "handshake_timeout",
        expect: Expect::Cut,
        within: PATIENCE,
        connections: 500,
        script: || {
            let (block, mut begun) = (craft::request(craft::SAY, &[]), false);
            steps(&[], move |out, _| {
                if !std::mem::replace(&mut begun, true) {
                    craft::headers_begun(out, craft::stream(1), &block);
                }
                Next::Hold
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "half-open",
        reference: "",
        what: "200 connections with an open stream whose peers vanish: they read nothing and answer nothing",
        limits: "keepalive_interval, keepalive_timeout",
        expect: Expect::Cut,
        within: Duration::from_secs(8),
        connections: 200,
        reading: Reading::Silent,
        script: || {
            let (block, mut begun) = (craft::request(craft::CHAT, &[]), false);
            steps(&[], move |out, _| {
                if !std::mem::replace(&mut begun, true) {
                    craft::headers(out, craft::stream(1), &block, false);
                }
                Next::Hold
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "idle-connections",
        reference: "",
        what: "10,000 connections that greet and then do nothing",
        limits: "connections_max, idle_timeout",
        expect: Expect::Lives,
        connections: 10_000,
        memory_bytes_max: 160 * MIB,
        script: || steps(&[], |_, _| Next::Hold),
        ..Attack::BASE
    },
    Attack {
        name: "connection-churn",
        reference: "",
        what: "connections that greet and leave, one after the other",
        limits: "connections_max, handshakes_max",
        expect: Expect::Bounded,
        connections: 16,
        script: || {
            let mut turn = 0;
            steps(&[], move |_, _| {
                turn += 1;
                if turn == 1 { Next::More } else { Next::Leave }
            })
        },
        ..Attack::BASE
    },
    Attack {
        name: "tls-handshake",
        reference: "slowloris",
        what: "500 connections to a TLS port that send a ClientHello a byte a second",
        limits: "handshake_timeout, handshakes_max",
        expect: Expect::Cut,
        within: PATIENCE,
        connections: 500,
        tls: true,
        script: || {
            let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
            hello.resize(5 + 512, 0);
            drip(hello)
        },
        ..Attack::BASE
    },
    Attack {
        name: "tls-noise",
        reference: "",
        what: "connections to a TLS port that send a broken ClientHello, one after the other",
        limits: "handshakes_max",
        expect: Expect::Cut,
        connections: 16,
        tls: true,
        script: || {
            let mut sent = false;
            Box::new(move |out, _| {
                if !std::mem::replace(&mut sent, true) {
                    out.extend_from_slice(&[0x16, 3, 1, 0, 4, 1, 0, 0, 0]);
                }
                Next::Hold
            })
        },
        ..Attack::BASE
    },
];

/// Sends these bytes one at a time, and then nothing.
fn drip(bytes: Vec<u8>) -> Script {
    let mut bytes = bytes.into_iter();
    Box::new(move |out, _| match bytes.next() {
        Some(byte) => {
            out.push(byte);
            Next::After(PAUSE)
        }
        None => Next::Hold,
    })
}
