//! Peers that only cost, and busy ones that must not be taken for them.

use std::time::Duration;

use rzero_http2::connection::{Config, Limits, Rate, Role};
use rzero_http2::frame::{Continuation, Frame, Headers};

use super::support::{Bench, REQUEST, block, stream, wire};

/// Plays a script until the connection fails, at most `times`: how often, and the rule.
fn flood(bench: &mut Bench, script: &str, times: usize) -> (usize, Option<&'static str>) {
    let frames = wire(script);
    for time in 0..times {
        if let Err(error) = bench.receive(&frames) {
            let sent = bench.sent();
            let last = sent.last().unwrap();
            assert!(last.ends_with("ENHANCE_YOUR_CALM"), "{last}");
            return (time, Some(error.rule));
        }
        bench.connection.pump(&mut bench.events);
        bench.connection.out().clear();
        bench.happened();
    }
    (times, None)
}

#[test]
fn frames_that_bring_nothing_are_bounded() {
    for (setup, script) in [
        ("", "PING"),
        ("", "PONG"),
        ("", "SA"),
        ("", "U1"),
        ("", "P1>3"),
        ("", "W0:1"),
        ("H1", "D1:0"),
        ("H1", "W1:1023"),
        ("H1e !answer1", "R1:8"),
        ("H1e !answer1", "W1:5000"),
        ("H1 !reset1", "T1"),
    ] {
        let mut server = Bench::server();
        server.play(setup);
        let (times, rule) = flood(&mut server, script, 2_000);
        assert!((1_000..=1_001).contains(&times), "{script}: {times}");
        assert!(rule.unwrap().contains("limits.idle_frames"), "{script}");
    }
}

#[test]
fn rapid_resets_are_bounded() {
    let mut server = Bench::server();
    let mut ids = (1..).step_by(2);
    let reset = |server: &mut Bench, id: u32| flood(server, &format!("H{id} R{id}:8"), 1);
    let refused = ids.by_ref().find(|id| reset(&mut server, *id).1.is_some());
    assert_eq!(refused, Some(2 * 1_000 + 1));
}

#[test]
fn resets_that_the_peer_provokes_are_bounded() {
    // A window above its limit, content behind the end, an answer where a request belongs.
    for provocation in ["H{} W{}:2147483647", "H{}e D{}:9", "A{}", "H{} P{}>{}"] {
        let mut server = Bench::server();
        let mut streams = 0;
        loop {
            let id = (streams * 2 + 1).to_string();
            if flood(&mut server, &provocation.replace("{}", &id), 1)
                .1
                .is_some()
            {
                break;
            }
            streams += 1;
        }
        assert_eq!(streams, 1_000, "{provocation}");
    }
}

#[test]
fn streams_over_the_limit_are_bounded() {
    let config = Config {
        streams_max: 1,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    server.play("H1");
    let mut streams = 0;
    while flood(&mut server, &format!("H{}e", streams * 2 + 3), 1)
        .1
        .is_none()
    {
        streams += 1;
        assert!(streams <= 1_000);
    }
    assert_eq!(streams, 1_000);
}

#[test]
fn tiny_data_is_bounded() {
    let mut server = Bench::server();
    server.play("H1");
    let (times, rule) = flood(&mut server, "D1:4", 200_000);
    assert_eq!(times, 100_000);
    assert!(rule.unwrap().contains("limits.small_data"));
}

#[test]
fn settings_are_bounded() {
    let mut server = Bench::server();
    let (times, rule) = flood(&mut server, "S4=5", 200);
    assert_eq!(times, 99, "one was the first of all");
    assert!(rule.unwrap().contains("limits.settings"));
}

#[test]
fn answers_that_nobody_reads_are_bounded() {
    let calm = Limits {
        idle_frames: Rate {
            burst: 1_000_000,
            per_second: 1,
        },
        ..Limits::default()
    };
    let config = Config {
        limits: calm,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    let ping = wire("PING");
    let pings = (0..).find(|_| server.receive(&ping).is_err());
    assert_eq!(pings, Some(64 * 1024 / 17));
    assert!(server.connection.out().len() < 66 * 1024);
}

#[test]
fn blocks_without_end_are_bounded() {
    let (mut first, mut more) = (Vec::new(), Vec::new());
    Frame::Headers(Headers {
        stream: stream(1),
        fragment: &block(&REQUEST),
        end_stream: false,
        end_headers: false,
        dependency: None,
        padding: None,
    })
    .write(&mut first);
    let field = [&[0x10, 1, b'a', 100][..], &[b'x'; 100]].concat();
    Frame::Continuation(Continuation {
        stream: stream(1),
        fragment: &field,
        end_headers: false,
    })
    .write(&mut more);

    let mut server = Bench::server();
    server.receive(&first).unwrap();
    let parts = (0..).find(|_| server.receive(&more).is_err());
    assert_eq!(parts, Some(32));
    assert_eq!(server.sent(), ["GOAWAY 1 ENHANCE_YOUR_CALM"]);

    let many = Limits {
        continuations_max: 10_000,
        ..Limits::default()
    };
    let config = Config {
        limits: many,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    server.receive(&first).unwrap();
    let parts = (0..).find(|_| server.receive(&more).is_err());
    assert_eq!(parts, Some(16 * 1024 / 104));
    assert_eq!(server.sent(), ["GOAWAY 1 ENHANCE_YOUR_CALM"]);
}

#[test]
fn limits_recover_with_time() {
    let mut server = Bench::server();
    assert_eq!(flood(&mut server, "PING", 1_000).1, None);
    server.later(Duration::from_millis(500));
    assert_eq!(flood(&mut server, "PING", 100).1, None);
    server.later(Duration::from_secs(60));
    assert_eq!(flood(&mut server, "PING", 1_000).1, None);
    assert_eq!(flood(&mut server, "PING", 1).0, 0);
}

#[test]
fn million_tiny_messages_are_no_attack() {
    let mut server = Bench::server();
    server.play("H1");
    let thousand = "D1:5 ".repeat(1_000);
    assert_eq!(flood(&mut server, &thousand, 1_000).1, None);
}

#[test]
fn message_in_single_bytes_is_no_attack() {
    let mut server = Bench::server();
    server.play("H1");
    assert_eq!(flood(&mut server, "D1:1", 64 * 1024 + 5).1, None);
}

#[test]
fn cancelled_calls_are_no_attack() {
    let mut server = Bench::server();
    for call in 0..10_000_u32 {
        let id = call * 2 + 1;
        assert_eq!(flood(&mut server, &format!("H{id}"), 1).1, None);
        assert_eq!(flood(&mut server, &format!("R{id}:8"), 1).1, None);
        server.later(Duration::from_millis(6));
    }
    // All at once, of a thousand that ran for a while: as often as one likes.
    for round in 0..10_u32 {
        let ids = || (0..1_000).map(|call| 20_001 + round * 2_000 + call * 2);
        for id in ids() {
            assert_eq!(flood(&mut server, &format!("H{id}"), 1).1, None);
        }
        server.later(Duration::from_millis(100));
        for id in ids() {
            assert_eq!(flood(&mut server, &format!("R{id}:8"), 1).1, None);
        }
    }
}

#[test]
fn busy_client_may_cancel_every_second_call() {
    let mut server = Bench::server();
    for call in 0..20_000_u32 {
        let (id, next) = (call * 4 + 1, call * 4 + 3);
        assert_eq!(
            flood(&mut server, &format!("H{id}e H{next}e R{id}:8"), 1).1,
            None
        );
        server
            .connection
            .headers(stream(next), true, super::support::ok);
    }
}

#[test]
fn measuring_receiver_is_no_attack() {
    // A receiver that pings with every few frames of a bulk stream, as grpc-go does, and another
    // that gives back the window of each small message.
    let mut server = Bench::server();
    server.play("W0:1000000000 H1e H3e !head1 !head3 W1:1000000000");
    for _ in 0..20_000 {
        server.play("!data1:32000");
        assert_eq!(flood(&mut server, "PING PING", 1).1, None);
    }
    for _ in 0..100_000 {
        let id = stream(3);
        server
            .connection
            .data(id, &[0; 5], bytes::Bytes::from_static(&[0; 20]), false);
        assert_eq!(flood(&mut server, "W3:25", 1).1, None);
    }
    assert!(!server.connection.is_finished());
}

#[test]
fn servers_late_answers_are_no_attack() {
    let mut client = Bench::new(Role::Client, Config::default());
    client.play("S3=10000");
    let streams = 5_000_u32;
    for call in 0..streams {
        client.play(&format!("!open !reset{}", call * 2 + 1));
    }
    for call in 0..streams {
        let id = call * 2 + 1;
        assert_eq!(
            flood(&mut client, &format!("A{id} D{id}:10 T{id}e"), 1).1,
            None
        );
    }
}
