//! Both ends against each other, and every cut of what they say.

use bytes::Bytes;
use rzero_http2::connection::{Config, Connection, Role};

use super::support::{Bench, PREFACE, Reader, Recorder, ok, request, start, trailers, wire};

/// Moves what both have written until neither writes any more.
fn settle(client: &mut Bench, server: &mut Bench) {
    loop {
        client.connection.pump(&mut client.events);
        server.connection.pump(&mut server.events);
        let up = std::mem::take(client.connection.out());
        let down = std::mem::take(server.connection.out());
        if up.is_empty() && down.is_empty() {
            return;
        }
        server.receive(&up).unwrap();
        client.receive(&down).unwrap();
    }
}

fn pair() -> (Bench, Bench) {
    let end = |role| Bench {
        connection: Connection::new(role, Config::default(), start()),
        events: Recorder::default(),
        reader: Reader::new(),
        now: start(),
    };
    (end(Role::Client), end(Role::Server))
}

#[test]
fn calls_pass_between_the_two() {
    let (mut client, mut server) = pair();
    for call in 0..300 {
        let id = client
            .connection
            .open(call * 2 + 1, false, request)
            .unwrap();
        client
            .connection
            .data(id, b"12345", Bytes::from_static(b"question"), true);
        settle(&mut client, &mut server);
        let head = format!("request {id} :method=POST :scheme=http :path=/a.B/C te=trailers");
        assert_eq!(
            server.happened(),
            [head, format!("data {id} 12345question end")]
        );
        assert!(server.connection.headers(id, false, ok));
        server
            .connection
            .data(id, b"12345", Bytes::from_static(b"answer"), false);
        assert!(server.connection.headers(id, true, trailers));
        settle(&mut client, &mut server);
        let want = [
            format!("headers {id} :status=200"),
            format!("data {id} 12345answer"),
            format!("headers {id} grpc-status=0 end"),
        ];
        assert_eq!(client.happened(), want);
    }
    for end in [&client, &server] {
        assert_eq!(end.connection.stream_count(), 0);
        assert_eq!((end.connection.buffered(), end.connection.queued()), (0, 0));
    }
}

#[test]
fn streams_larger_than_all_windows_flow() {
    let (mut client, mut server) = pair();
    let ids: Vec<_> = (0..5)
        .map(|call| {
            client
                .connection
                .open(call * 2 + 1, false, request)
                .unwrap()
        })
        .collect();
    for id in &ids {
        client
            .connection
            .data(*id, b"12345", Bytes::from(vec![b'q'; 3_000_000]), false);
        client.connection.end(*id);
    }
    settle(&mut client, &mut server);
    let mut lines = server.happened();
    lines.retain(|line| line.starts_with("data"));
    for id in ids {
        let start = format!("data {id} ");
        let bytes: usize = lines
            .iter()
            .filter_map(|line| line.strip_prefix(&start))
            .map(|rest| rest.trim_end_matches(" end").len())
            .sum();
        assert_eq!(bytes, 3_000_005);
    }
    assert_eq!(client.connection.queued(), 0);
    assert_eq!(server.connection.buffered(), 0);
}

#[test]
fn full_duplex_flows_both_ways() {
    let (mut client, mut server) = pair();
    let id = client.connection.open(1, false, request).unwrap();
    settle(&mut client, &mut server);
    server.connection.headers(id, false, ok);
    for _ in 0..50 {
        client
            .connection
            .data(id, b"", Bytes::from(vec![b'q'; 50_000]), false);
        server
            .connection
            .data(id, b"", Bytes::from(vec![b'a'; 50_000]), false);
        settle(&mut client, &mut server);
    }
    server.connection.headers(id, true, trailers);
    client.connection.end(id);
    settle(&mut client, &mut server);
    let count = |lines: Vec<String>| lines.concat().bytes().filter(|b| *b == b'q').count();
    assert!(count(server.happened()) >= 50 * 50_000);
    assert_eq!(client.connection.stream_count(), 0);
    assert_eq!(server.connection.stream_count(), 0);
}

/// All kinds of frames, errors of streams among them.
const SCRIPT: &str = "S4=70000 SA W0:100 H1 D1:5 P1>3 H3e U7 D1:20 T1e H5 D5:0 R5:8 D5:3 PING PONG \
    H7 W7:5 D7:3e H9e D9:4 H11 S1=0 G0:0 X00000a_00_08_0000000b_04_6162636465_00000000 D11:1e H13";

fn replay<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Vec<String>) {
    let mut server = Bench::bare(Role::Server, Config::default());
    for piece in pieces {
        server.receive(piece).unwrap();
    }
    (server.happened(), server.sent())
}

#[test]
fn every_cut_gives_the_same_events() {
    let bytes = [PREFACE, &wire(SCRIPT)].concat();
    let whole = replay([&bytes[..]].into_iter());
    assert!(whole.0.len() > 15, "{whole:?}");
    for cut in 0..bytes.len() {
        let (left, right) = bytes.split_at(cut);
        assert_eq!(replay([left, right].into_iter()), whole, "cut at {cut}");
    }
    for len in [1, 2, 3, 5, 7, 11] {
        assert_eq!(replay(bytes.chunks(len)), whole, "pieces of {len}");
    }
}

#[test]
fn every_cut_of_an_answer_gives_the_same_events() {
    let script = "S3=7 SA A1 D1:500 I3 A3 D3:1 A5e D1:9 T1e D3:2000 R7:7 R9:8 D3:0e G9:0 T11e";
    let bytes = wire(script);
    let replay = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut client = Bench::bare(Role::Client, Config::default());
        for _ in 0..6 {
            client.play("!open");
        }
        for piece in pieces {
            client.receive(piece).unwrap();
        }
        (client.happened(), client.sent())
    };
    let whole = replay(&mut [&bytes[..]].into_iter());
    assert_eq!(whole.1, ["SETTINGS ack"]);
    for cut in 0..bytes.len() {
        let (left, right) = bytes.split_at(cut);
        assert_eq!(
            replay(&mut [left, right].into_iter()),
            whole,
            "cut at {cut}"
        );
    }
    assert_eq!(replay(&mut bytes.chunks(1)), whole);
}
