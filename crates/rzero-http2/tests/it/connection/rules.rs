//! Stream states and frames where they do not belong, by section of RFC 9113. The cases are those
//! that h2spec tries, and their mirror images for clients.

use rzero_http2::connection::{Config, Role};

use super::support::{Bench, PREFACE, wire};

/// What a script provokes; nothing, when `wanted` is empty.
fn assert_provoked(bench: fn() -> Bench, cases: &[(&str, &str)]) {
    for (script, wanted) in cases {
        let mut bench = bench();
        let sent = bench.play(script);
        let provoked: Vec<_> = sent
            .iter()
            .filter(|line| line.starts_with("RST") || line.starts_with("GOAWAY"))
            .map(String::as_str)
            .collect();
        let wanted: Vec<_> = wanted.split(", ").filter(|line| !line.is_empty()).collect();
        assert_eq!(provoked, wanted, "{script}: {:?}", bench.happened());
        let is_finished = wanted.iter().any(|line| line.starts_with("GOAWAY"));
        assert_eq!(bench.connection.is_finished(), is_finished, "{script}");
        if !is_finished {
            assert_eq!(bench.play("PING"), ["PING ack 7"], "{script}: still alive");
        }
    }
}

#[test]
fn server_section_5_1_states() {
    assert_provoked(
        Bench::server,
        &[
            // idle
            ("D1:5", "GOAWAY 0 PROTOCOL_ERROR"),
            ("R1:8", "GOAWAY 0 PROTOCOL_ERROR"),
            ("W1:9", "GOAWAY 0 PROTOCOL_ERROR"),
            ("X00000109040000000182", "GOAWAY 0 PROTOCOL_ERROR"), // CONTINUATION
            ("P1>3 H1e", ""),
            // half-closed by the peer
            ("H1e D1:5", "RST 1 STREAM_CLOSED"),
            ("H1e H1e", "RST 1 STREAM_CLOSED"),
            ("H1e X00000109040000000182", "GOAWAY 1 PROTOCOL_ERROR"),
            ("H1e W1:9 P1>3 R1:8", ""),
            // closed by RST_STREAM of the peer
            ("H1 R1:8 D1:5", "RST 1 STREAM_CLOSED"),
            ("H1 R1:8 H1", "GOAWAY 1 STREAM_CLOSED"),
            ("H1 R1:8 X00000109040000000182", "GOAWAY 1 PROTOCOL_ERROR"),
            ("H1 R1:8 R1:8 W1:9 P1>3", ""),
            // closed by both ends
            ("H1e !answer1 D1:5", "RST 1 STREAM_CLOSED"),
            ("H1e !answer1 H1e", "GOAWAY 1 STREAM_CLOSED"),
            ("H1e !answer1 W1:9 P1>3 R1:8", ""),
            // reset here: frames may have been under way
            ("H1 !reset1 D1:5 T1e W1:9 R1:8", "RST 1 CANCEL"),
            // DATA twice behind an error that was told
            ("H1e D1:5 D1:5 H1e", "RST 1 STREAM_CLOSED"),
        ],
    );
}

#[test]
fn server_section_5_1_1_stream_numbers() {
    assert_provoked(
        Bench::server,
        &[
            ("H2e", "GOAWAY 0 PROTOCOL_ERROR"),
            ("H5e H3e", "GOAWAY 5 PROTOCOL_ERROR"),
            ("H1e H5e H7e H3e", "GOAWAY 7 PROTOCOL_ERROR"),
            ("H5e D3:5", "RST 3 STREAM_CLOSED"),
            ("D2:5", "GOAWAY 0 PROTOCOL_ERROR"),
            ("R2:8", "GOAWAY 0 PROTOCOL_ERROR"),
            ("H2147483647e", ""),
        ],
    );
}

#[test]
fn server_section_5_1_2_stream_limit() {
    let two = || {
        let config = Config {
            streams_max: 2,
            ..Config::default()
        };
        Bench::new(Role::Server, config)
    };
    assert_provoked(
        two,
        &[
            ("H1 H3 H5 D5:5e", "RST 5 REFUSED_STREAM"),
            ("H1e !answer1 H3 H5", ""),
            ("H1 R1:8 H3 H5", ""),
            ("H1 !reset1 H3 H5", "RST 1 CANCEL"),
            ("H1e H3e !head1 !end1 H5 H7", "RST 7 REFUSED_STREAM"),
        ],
    );
}

#[test]
fn server_section_5_3_1_dependencies() {
    assert_provoked(
        Bench::server,
        &[
            ("X00000502000000000100000001_10", "GOAWAY 0 PROTOCOL_ERROR"), // idle
            ("H1 P1>1", "RST 1 PROTOCOL_ERROR"),
            ("H1 R1:8 P1>1", "RST 1 PROTOCOL_ERROR"),
            ("H1 !reset1 P1>1", "RST 1 CANCEL"),
            ("P2>2", "GOAWAY 0 PROTOCOL_ERROR"),
        ],
    );
}

#[test]
fn server_section_6_frames_where_they_do_not_belong() {
    assert_provoked(
        Bench::server,
        &[
            (
                "H1 X0000050008000000010607070707",
                "GOAWAY 1 PROTOCOL_ERROR",
            ), // padding
            ("H1 X000004020000000001_00000000", "RST 1 FRAME_SIZE_ERROR"), // PRIORITY of 4
            ("H1 X000003030000000001_000000", "GOAWAY 1 FRAME_SIZE_ERROR"), // RST_STREAM of 3
            ("PP1>2", "GOAWAY 0 PROTOCOL_ERROR"),
            ("H1 PP1>2", "GOAWAY 1 PROTOCOL_ERROR"),
            (
                "X000006040000000000_000200000002",
                "GOAWAY 0 PROTOCOL_ERROR",
            ), // ENABLE_PUSH 2
            ("S4=2147483648", "GOAWAY 0 FLOW_CONTROL_ERROR"),
            ("S5=16383", "GOAWAY 0 PROTOCOL_ERROR"),
            ("S5=16777216", "GOAWAY 0 PROTOCOL_ERROR"),
            ("S2=1 S2=0 S99=1 SA", ""),
            (
                "X000006060000000000_000000000000",
                "GOAWAY 0 FRAME_SIZE_ERROR",
            ), // PING of 6
            ("PONG U U1", ""),
            (
                "X000008070000000001_0000000000000000",
                "GOAWAY 0 PROTOCOL_ERROR",
            ), // GOAWAY on 1
            ("G0:255 G0:0", ""),
            ("X000004080000000000_00000000", "GOAWAY 0 PROTOCOL_ERROR"), // WINDOW_UPDATE by 0
            ("H1 X000004080000000001_00000000", "RST 1 PROTOCOL_ERROR"),
            ("X000004080000000001_00000000", "GOAWAY 0 PROTOCOL_ERROR"), // on an idle stream
            ("X00400100_0000000001", "GOAWAY 0 FRAME_SIZE_ERROR"),
        ],
    );
}

#[test]
fn server_section_6_9_1_windows_end_at_2_31_minus_1() {
    assert_provoked(
        Bench::server,
        &[
            ("W0:2147418112", ""),
            ("W0:2147418113", "GOAWAY 0 FLOW_CONTROL_ERROR"),
            ("W0:2147418112 W0:1", "GOAWAY 0 FLOW_CONTROL_ERROR"),
            ("H1 W1:2147418112", ""),
            ("H1 W1:2147418113", "RST 1 FLOW_CONTROL_ERROR"),
            ("H1 W1:2147418112 S4=65536", "GOAWAY 1 FLOW_CONTROL_ERROR"),
            ("H1 R1:8 W1:2147483647", ""),
        ],
    );
}

#[test]
fn server_section_3_4_preface() {
    let bare = || Bench::bare(Role::Server, Config::default());
    let mut bench = bare();
    assert!(bench.receive(b"GET / HTTP/1.1\r\n").is_err());
    assert_eq!(bench.sent(), ["GOAWAY 0 PROTOCOL_ERROR"]);
    assert!(bench.receive(PREFACE).is_err(), "an error is final");
    assert_eq!(bench.sent(), [""; 0]);

    for first in ["SA", "PING", "H1e", "W0:5", "D1:9999", "U", "P1>1"] {
        let mut bench = bare();
        bench.receive(PREFACE).unwrap();
        assert_eq!(bench.play(first), ["GOAWAY 0 PROTOCOL_ERROR"], "{first}");
    }
    let mut bench = bare();
    bench.receive(&PREFACE[..10]).unwrap();
    bench.receive(&PREFACE[10..]).unwrap();
    assert!(!bench.connection.is_handshaken());
    assert_eq!(bench.play("S"), ["SETTINGS ack"]);
    assert!(bench.connection.is_handshaken());
}

#[test]
fn client_section_5_1_states() {
    assert_provoked(
        Bench::client,
        &[
            // idle
            ("D1:5", "GOAWAY 0 PROTOCOL_ERROR"),
            ("A1", "GOAWAY 0 PROTOCOL_ERROR"),
            ("R1:8", "GOAWAY 0 PROTOCOL_ERROR"),
            ("W1:9", "GOAWAY 0 PROTOCOL_ERROR"),
            ("!open A3", "GOAWAY 0 PROTOCOL_ERROR"),
            ("!open A2", "GOAWAY 0 PROTOCOL_ERROR"),
            ("!open PP1>2", "GOAWAY 0 PROTOCOL_ERROR"),
            ("S2=1", "GOAWAY 0 PROTOCOL_ERROR"),
            ("S2=0", ""),
            // open
            ("!open D1:5", "RST 1 PROTOCOL_ERROR"),
            ("!open T1e", "RST 1 PROTOCOL_ERROR"),
            ("!open A1 A1", "RST 1 PROTOCOL_ERROR"),
            ("!open A1 T1", "RST 1 PROTOCOL_ERROR"),
            ("!open I1 I1 A1 D1:5 T1e", ""),
            ("!open I1e", "RST 1 PROTOCOL_ERROR"),
            ("!open I1 D1:5", "RST 1 PROTOCOL_ERROR"),
            // half-closed by the peer
            ("!open A1e D1:5", "RST 1 STREAM_CLOSED"),
            ("!open A1e T1e", "RST 1 STREAM_CLOSED"),
            ("!open A1e W1:9 R1:0", ""),
            // closed
            ("!get A1e D1:5", "RST 1 STREAM_CLOSED"),
            ("!get A1e T1e", "GOAWAY 0 STREAM_CLOSED"),
            ("!get A1e W1:9 P1>3 R1:8", ""),
            ("!get R1:8 D1:5", "RST 1 STREAM_CLOSED"),
            ("!get !reset1 A1 D1:5 T1e R1:8", "RST 1 CANCEL"),
        ],
    );
}

#[test]
fn client_expects_settings_first() {
    for first in ["SA", "PING", "A1e", "W0:5"] {
        let mut bench = Bench::bare(Role::Client, Config::default());
        assert_eq!(bench.play(first), ["GOAWAY 0 PROTOCOL_ERROR"], "{first}");
    }
}

#[test]
fn block_that_cannot_be_decoded_ends_the_connection() {
    assert_provoked(
        Bench::server,
        &[
            ("X000001010500000001_ff", "GOAWAY 1 COMPRESSION_ERROR"),
            ("X000002010500000001_80be", "GOAWAY 1 COMPRESSION_ERROR"),
            // Also one that nobody reads.
            (
                "H1 !reset1 X000002010500000001_80be",
                "RST 1 CANCEL, GOAWAY 1 COMPRESSION_ERROR",
            ),
        ],
    );
}

#[test]
fn peer_may_stop_between_frames_only() {
    let mut bench = Bench::server();
    assert_eq!(bench.connection.receive_end(), Ok(()));
    let frames = wire("H1 D1:300e");
    for cut in 1..frames.len() {
        let mut bench = Bench::server();
        bench.receive(&frames[..cut]).unwrap();
        let is_between = cut == wire("H1").len();
        assert_eq!(bench.connection.receive_end().is_ok(), is_between, "{cut}");
        assert_eq!(
            bench.connection.is_in_block(),
            cut < wire("H1").len() || (cut > wire("H1").len() && cut < wire("H1").len() + 9),
            "{cut}"
        );
    }
    let mut bench = Bench::bare(Role::Server, Config::default());
    assert!(
        bench.connection.receive_end().is_err(),
        "not even a preface"
    );
}
