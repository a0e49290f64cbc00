//! Messages: valid ones, and those that only look so (RFC 9113 section 8).

use rzero_http2::connection::{Config, Role};
use rzero_http2::frame::{Continuation, ErrorCode, Frame, Headers, HeadersHead, write_block};

use super::support::{Bench, PREFACE, REQUEST, block, headers, stream};

const SEEN: &str = " :method=POST :scheme=http :path=/a.B/C te=trailers";

#[test]
fn request_and_answer_pass_both_ways() {
    let mut server = Bench::server();
    assert_eq!(server.play("H1 D1:5 T1e"), [""; 0]);
    let request = format!("request 1{SEEN}");
    let want = [
        request.as_str(),
        "data 1 xxxxx",
        "headers 1 grpc-status=0 end",
    ];
    assert_eq!(server.happened(), want);
    let sent = server.play("!head1 !data1:3 !trailers1");
    assert_eq!(
        sent,
        [
            "HEADERS 1 :status=200",
            "DATA 1 3",
            "HEADERS 1 grpc-status=0 end"
        ]
    );
    assert_eq!(server.connection.stream_count(), 0);

    let mut client = Bench::client();
    assert_eq!(
        client.play("!open !data1:2 !end1"),
        [
            format!("HEADERS 1{SEEN}"),
            "DATA 1 2".into(),
            "DATA 1 0 end".into()
        ]
    );
    client.play("I1 A1 D1:5 D1:0e");
    let want = [
        "headers 1 :status=103",
        "headers 1 :status=200",
        "data 1 xxxxx end",
    ];
    assert_eq!(client.happened(), want);
    assert_eq!(client.connection.stream_count(), 0);
}

#[test]
fn stream_goes_when_both_ends_did_whoever_is_last() {
    let mut server = Bench::server();
    server.play("H1 !answer1");
    assert!(!server.connection.peer_ended(stream(1)));
    assert_eq!(server.connection.stream_count(), 1);
    server.play("D1:5e");
    assert_eq!(server.connection.stream_count(), 0);
    server.play("H3e");
    assert!(server.connection.peer_ended(stream(3)));
    server.play("!answer3");
    assert_eq!(server.connection.stream_count(), 0);
    assert_eq!(server.connection.buffered(), 0);
}

#[test]
fn commands_for_streams_that_are_gone_do_nothing() {
    let mut server = Bench::server();
    server.play("H1e !answer1");
    server.events.take();
    let id = stream(1);
    let connection = &mut server.connection;
    assert!(!connection.headers(id, true, |_| panic!("no block")));
    assert_eq!(connection.data(id, b"12345", "x".into(), true), 0);
    assert!(!connection.end(id));
    assert_eq!(connection.reset(id, ErrorCode::CANCEL), None);
    assert_eq!(connection.get_mut(id), None);
    connection.consumed(id, 5);
    connection.widen(id, 1 << 20);
    connection.set_stream_window(id, 1 << 20);
    assert_eq!((connection.waiting(id), connection.unconsumed(id)), (0, 0));
    assert!(!connection.peer_ended(id));
    assert!(!connection.wants_write());
    assert_eq!(server.happened(), [""; 0]);
}

#[test]
fn invalid_heads_cost_their_stream_and_nothing_else() {
    let with = |extra: (&'static str, &'static str)| {
        let mut fields = REQUEST.to_vec();
        fields.push(extra);
        fields
    };
    for fields in [
        with(("X-Upper", "x")),
        with((":path", "/again")),
        with(("connection", "keep-alive")),
        with(("te", "gzip")),
        with(("a", "b\nc")),
        with(("", "x")),
        with((":unknown", "x")),
        with((":status", "200")),
        REQUEST[1..].to_vec(),
        vec![REQUEST[0], REQUEST[1], (":path", "")],
        vec![("a", "b"), REQUEST[0], REQUEST[1], REQUEST[2]],
    ] {
        let mut server = Bench::server();
        server.receive(&headers(1, true, &fields)).unwrap();
        assert_eq!(server.sent(), ["RST 1 PROTOCOL_ERROR"], "{fields:?}");
        assert_eq!(server.happened(), [""; 0], "{fields:?}");
        assert_eq!(server.connection.last_peer_stream(), 1);
        server.play("D1:5e H3e");
        assert_eq!(server.happened(), [format!("request 3{SEEN} end")]);
    }
    for fields in [
        vec![("a", "b")],
        vec![(":status", "20")],
        vec![(":status", "200"), (":path", "/")],
    ] {
        let mut client = Bench::client();
        client.play("!open");
        client.receive(&headers(1, false, &fields)).unwrap();
        assert_eq!(client.sent(), ["RST 1 PROTOCOL_ERROR"], "{fields:?}");
        assert_eq!(client.happened(), ["ended 1 broken PROTOCOL_ERROR"]);
    }
}

#[test]
fn invalid_trailers_cost_their_stream() {
    for fields in [(":status", "200"), ("A", "b"), ("upgrade", "x")] {
        let mut server = Bench::server();
        server.play("H1");
        server.receive(&headers(1, true, &[fields])).unwrap();
        assert_eq!(server.sent(), ["RST 1 PROTOCOL_ERROR"]);
        assert_eq!(server.happened()[1..], ["ended 1 broken PROTOCOL_ERROR"]);
    }
}

#[test]
fn content_has_the_length_that_was_told() {
    let told = |length: &'static str, end| {
        let mut fields = REQUEST.to_vec();
        fields.push(("content-length", length));
        headers(1, end, &fields)
    };
    for (length, end, rest, is_valid) in [
        ("0", true, "", true),
        ("5", true, "", false),
        ("5", false, "D1:5e", true),
        ("5", false, "D1:2 D1:3 D1:0e", true),
        ("5", false, "D1:2 D1:3 T1e", true),
        ("5", false, "D1:2 D1:2 T1e", false),
        ("5", false, "D1:4e", false),
        ("5", false, "D1:6e", false),
        ("5", false, "D1:5 D1:1", false),
        ("5", false, "D1:4 D1:0e", false),
        ("5", false, "T1e", false),
        ("x", false, "", false),
    ] {
        let mut server = Bench::server();
        server.receive(&told(length, end)).unwrap();
        let sent = server.play(rest);
        let want: &[&str] = if is_valid {
            &[]
        } else {
            &["RST 1 PROTOCOL_ERROR"]
        };
        assert_eq!(sent, want, "{length} {rest}");
    }

    let mut client = Bench::client();
    client.play("!get !get");
    let fields = [(":status", "200"), ("content-length", "5")];
    client.receive(&headers(1, true, &fields)).unwrap(); // as an answer to HEAD has it
    client.receive(&headers(3, false, &fields)).unwrap();
    assert_eq!(client.play("D3:4e"), ["RST 3 PROTOCOL_ERROR"]);
}

#[test]
fn block_of_many_frames_is_one_block() {
    let mut fields = REQUEST.to_vec();
    let long = "v".repeat(700);
    fields.push(("long", &long));
    let mut frames = Vec::new();
    let head = HeadersHead {
        stream: stream(1),
        end_stream: true,
    };
    write_block(&mut frames, head, &block(&fields), 64);
    let mut server = Bench::server();
    for byte in &frames {
        server.receive(&[*byte]).unwrap();
    }
    assert_eq!(
        server.happened(),
        [format!("request 1{SEEN} long={long} end")]
    );
}

#[test]
fn stream_that_is_reset_inside_its_block_stays_away() {
    let trailers = block(&[("grpc-status", "0")]);
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    Frame::Headers(Headers {
        stream: stream(1),
        fragment: &trailers[..2],
        end_stream: true,
        end_headers: false,
        dependency: None,
        padding: None,
    })
    .write(&mut first);
    Frame::Continuation(Continuation {
        stream: stream(1),
        fragment: &trailers[2..],
        end_headers: true,
    })
    .write(&mut rest);

    let mut server = Bench::server();
    server.play("H1");
    server.receive(&first).unwrap();
    assert!(server.connection.is_in_block());
    assert_eq!(server.play("!reset1"), ["RST 1 CANCEL"]);
    server.receive(&rest).unwrap();
    assert!(!server.connection.is_in_block());
    server.events.take();
    assert_eq!(server.play("H3e !answer3"), ["HEADERS 3 :status=200 end"]);
}

#[test]
fn large_header_list_costs_its_stream() {
    let config = Config {
        header_list_bytes_max: 500,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    let mut fields = REQUEST.to_vec();
    let long = "v".repeat(500);
    fields.push(("long", &long));
    server.receive(&headers(1, true, &fields)).unwrap();
    assert_eq!(server.sent(), ["RST 1 ENHANCE_YOUR_CALM"]);
    server.play("H3e");
    assert_eq!(server.happened(), [format!("request 3{SEEN} end")]);
}

#[test]
fn refused_request_leaves_nothing() {
    let mut server = Bench::server();
    server.events.refuses = true;
    assert_eq!(server.play("H1 D1:5e"), ["RST 1 REFUSED_STREAM"]);
    assert_eq!(server.connection.stream_count(), 0);
    assert_eq!(server.connection.buffered(), 0);
}

#[test]
fn reset_by_the_peer_says_whether_anything_ran() {
    let mut client = Bench::client();
    client.play("!open !open !open A3 R1:7 R3:7 R5:8");
    let want = [
        "headers 3 :status=200",
        "ended 1 refused",
        "ended 3 reset REFUSED_STREAM",
        "ended 5 reset CANCEL",
    ];
    assert_eq!(client.happened(), want);
}

#[test]
fn pings_are_answered_and_answers_reported() {
    let mut server = Bench::server();
    assert_eq!(server.play("PING !ping"), ["PING ack 7", "PING 7"]);
    server.play("PONG");
    assert_eq!(server.happened(), ["pong 7"]);
}

#[test]
fn client_opens_no_more_than_the_peer_takes() {
    let mut client = Bench::new(
        Role::Client,
        Config {
            streams_max_until_settings: 1,
            ..Config::default()
        },
    );
    assert_eq!(client.connection.peer_streams_max(), 1);
    client.play("!open");
    assert!(!client.connection.can_open());
    assert_eq!(
        client.connection.open(9, true, |_| panic!("no block")),
        Err(9)
    );
    client.play("S3=2");
    client.play("!open");
    assert!(!client.connection.can_open());
    client.play("!reset1");
    assert!(client.connection.can_open());
    assert!(!Bench::server().connection.can_open());
}

#[test]
fn peers_table_size_is_followed_by_later_blocks() {
    let mut server = Bench::server();
    server.play("H1e H3e !head1 !head3");
    server.reader.decoder().set_table_bytes_max(0);
    server.play("S1=0");
    // The reader checks that the next block begins with the update.
    assert_eq!(server.play("!trailers1"), ["HEADERS 1 grpc-status=0 end"]);
    server.play("S1=100");
    server.reader.decoder().set_table_bytes_max(100);
    assert_eq!(server.play("!trailers3"), ["HEADERS 3 grpc-status=0 end"]);
}

#[test]
fn acknowledged_table_size_binds_the_peer() {
    let config = Config {
        header_table_bytes: 0,
        ..Config::default()
    };
    let mut server = Bench::bare(Role::Server, config);
    server.receive(PREFACE).unwrap();
    assert_eq!(
        server.play("S H1e"),
        ["SETTINGS ack"],
        "it may not know yet"
    );
    let mut update = vec![0x20];
    update.extend(block(&REQUEST));
    let mut frame = Vec::new();
    let head = HeadersHead {
        stream: stream(3),
        end_stream: true,
    };
    write_block(&mut frame, head, &update, 16_384);
    server.play("SA");
    server.receive(&frame).unwrap();

    let mut server = Bench::new(
        Role::Server,
        Config {
            header_table_bytes: 0,
            ..Config::default()
        },
    );
    assert_eq!(
        server.play("H1e"),
        ["GOAWAY 1 COMPRESSION_ERROR"],
        "no update to 0 came"
    );
}
