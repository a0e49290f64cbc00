//! Flow control, both ways (RFC 9113 sections 5.2 and 6.9).

use bytes::Bytes;
use rzero_http2::connection::{Config, Role};
use rzero_http2::frame::{Data, Frame};

use super::support::{Bench, PREFACE, ok, stream, wire};

#[test]
fn data_waits_for_the_streams_window() {
    let mut server = Bench::server();
    let sent = server.play("S4=1 H1e !head1 !data1:3");
    assert_eq!(sent[1..], ["HEADERS 1 :status=200", "DATA 1 1"]);
    assert_eq!(server.connection.waiting(stream(1)), 2);
    assert_eq!(server.connection.queued(), 2);
    assert!(!server.connection.wants_write());
    assert_eq!(server.play("W1:1"), ["DATA 1 1"]);
    server.happened();
    assert_eq!(server.play("W1:9"), ["DATA 1 1"]);
    assert_eq!(server.happened(), ["writable 1"]);
    assert_eq!(server.connection.queued(), 0);
}

#[test]
fn data_waits_for_the_connections_window() {
    let mut server = Bench::server();
    let sent = server.play("S4=100000 H1e H3e !head1 !head3 !data1:70000");
    let bytes: usize = data_bytes(&sent, 1);
    assert_eq!(bytes, 65_535);
    assert_eq!(server.play("!data3:5e"), [""; 0]);
    assert_eq!(server.play("W0:5000"), ["DATA 1 4465", "DATA 3 5 end"]);
    assert_eq!(server.happened().last().unwrap(), "writable 1", "3 is gone");
}

/// The bytes of DATA on a stream among lines.
fn data_bytes(lines: &[String], id: u32) -> usize {
    let start = format!("DATA {id} ");
    let counts = lines.iter().filter_map(|line| line.strip_prefix(&start));
    counts
        .map(|rest| rest.split(' ').next().unwrap().parse::<usize>().unwrap())
        .sum()
}

#[test]
fn end_and_trailers_go_behind_what_waits() {
    let mut server = Bench::server();
    server.play("S4=0 H1e H3e H5e !head1 !head3 !head5 !data1:2 !data3:2 !data5:2e");
    assert_eq!(server.play("!trailers1 !end3"), [""; 0]);
    assert_eq!(server.connection.stream_count(), 3);
    let sent = server.play("W1:1 W3:2 W5:3");
    assert_eq!(sent, ["DATA 1 1", "DATA 3 2 end", "DATA 5 2 end"]);
    assert_eq!(
        server.play("W1:1"),
        ["DATA 1 1", "HEADERS 1 grpc-status=0 end"]
    );
    assert_eq!(server.connection.stream_count(), 0);
    assert_eq!(
        server.happened()[3..],
        [""; 0],
        "nobody hears of streams that are done"
    );
}

#[test]
fn waiting_trailers_stand_among_other_blocks() {
    let mut server = Bench::server();
    server.play("S4=0 H1e H3e !head1 !head3 !data1:1 !trailers1");
    // Meanwhile the table changes, and its size as well.
    server.play("!trailers3 S1=0 W1:1");
    assert_eq!(server.connection.stream_count(), 0);
}

#[test]
fn windows_fall_below_zero_and_rise_again() {
    let mut server = Bench::server();
    server.play("S4=10 H1e !head1 !data1:10");
    server.play("S4=3 !data1:1"); // 7 below 0
    assert_eq!(server.play("W1:7"), [""; 0]);
    assert_eq!(server.play("W1:1"), ["DATA 1 1"]);
    assert_eq!(
        server.play("!data1:5 S4=20")[..],
        ["SETTINGS ack", "DATA 1 5"]
    );
}

#[test]
fn one_frame_may_set_the_window_often() {
    let mut server = Bench::server();
    server.play("S4=10 H1e !head1 !data1:12");
    // 0, 4 and 13 in one frame: only the last counts.
    let values = "000400000000_000400000004_00040000000d";
    assert_eq!(
        server.play(&format!("X000012_04_00_00000000_{values}")),
        ["SETTINGS ack", "DATA 1 2"]
    );
    // But none of them may lift a window too high.
    server.play("W1:2147400000");
    let values = "00047fffffff_000400000000";
    assert_eq!(
        server.play(&format!("X00000c_04_00_00000000_{values}")),
        ["GOAWAY 1 FLOW_CONTROL_ERROR"]
    );
}

#[test]
fn lowered_window_takes_a_stream_out_of_the_queue() {
    let config = Config {
        out_bytes_max: 10,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    server.play("H1e !head1");
    let connection = &mut server.connection;
    connection.data(stream(1), &[], Bytes::from(vec![0; 100]), false);
    connection.data(stream(1), &[], Bytes::from(vec![0; 100]), false);
    assert_eq!(
        connection.waiting(stream(1)),
        100,
        "the first passed the mark"
    );
    let frames = wire("S4=0");
    connection
        .receive(&frames, server.now, &mut server.events)
        .unwrap();
    let sent = server.sent();
    assert_eq!(data_bytes(&sent, 1), 100);
    assert_eq!(data_bytes(&server.play("S4=1000"), 1), 100);
}

#[test]
fn large_data_is_cut_into_frames_and_streams_take_turns() {
    let mut server = Bench::server();
    server.play("S4=1000000 W0:1000000 H1e H3e !head1 !head3");
    server
        .connection
        .data(stream(1), b"head!", Bytes::from(vec![1; 200_000]), true);
    assert!(
        server.connection.out().len() < 64 * 1024 + 17_000,
        "the rest waits"
    );
    server
        .connection
        .data(stream(3), &[], Bytes::from(vec![1; 200_000]), true);
    let sent = server.sent();
    assert_eq!(data_bytes(&sent, 1), 200_005);
    assert_eq!(data_bytes(&sent, 3), 200_000);
    assert!(
        sent.iter()
            .all(|line| data_bytes(std::slice::from_ref(line), 1) <= 16_384)
    );
    let turns: Vec<_> = sent.iter().map(|line| &line[..6]).collect();
    assert_eq!(turns[4..8], ["DATA 1", "DATA 3", "DATA 1", "DATA 3"]);
}

#[test]
fn peers_frame_size_is_used_up_to_our_own() {
    let config = Config {
        frame_bytes_max: 20_000,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    server.play("S5=17000 H1e !head1");
    assert_eq!(server.play("!data1:18000"), ["DATA 1 17000", "DATA 1 1000"]);
    server.play("S5=100000");
    assert_eq!(server.play("!data1:21000")[1..], ["DATA 1 1000"]);
}

#[test]
fn small_chunks_that_waited_share_frames() {
    let mut server = Bench::server();
    server.play("S4=0 H1e !head1 !data1:10 !data1:10 !data1:10 !data1:10e");
    assert_eq!(server.play("W1:25"), ["DATA 1 25"]);
    assert_eq!(server.play("W1:25"), ["DATA 1 15 end"]);
}

#[test]
fn what_is_consumed_is_returned_by_halves() {
    let mut server = Bench::server();
    server.play("H1 H3");
    // The connection's window is 1 MiB, so that only the stream's update is seen.
    assert_eq!(server.play("D1:16000 D1:16000"), [""; 0]);
    assert_eq!(server.play("D1:1000"), ["WINDOW 1 33000"]);
    server.events.holds = true;
    assert_eq!(server.play("D3:16000 D3:16000 D3:16000"), [""; 0]);
    assert_eq!(server.connection.unconsumed(stream(3)), 48_000);
    assert_eq!(server.connection.buffered(), 48_000);
    assert_eq!(server.play("!use3:30000"), [""; 0]);
    assert_eq!(server.play("!use3:5000"), ["WINDOW 3 35000"]);
    assert_eq!(server.connection.buffered(), 13_000);
    server.play("!use3:99999 R3:8 D1:10");
    assert_eq!(server.connection.buffered(), 10);
}

#[test]
fn connections_window_is_returned_on_receipt_by_halves() {
    let mut server = Bench::server();
    server.events.holds = true;
    let mut sent = Vec::new();
    for id in (1..40).step_by(2) {
        sent.extend(server.play(&format!("H{id} D{id}:16000 D{id}:16000")));
    }
    assert_eq!(sent, ["WINDOW 0 528000"]);
}

#[test]
fn data_of_gone_streams_counts_for_the_connection() {
    let mut server = Bench::server();
    server.play("H1 !reset1");
    let mut sent = Vec::new();
    for _ in 0..33 {
        sent.extend(server.play("D1:16000"));
    }
    assert_eq!(sent, ["WINDOW 0 528000"]);
}

#[test]
fn padding_counts_and_is_returned_at_once() {
    let mut server = Bench::server();
    server.events.holds = true;
    server.play("H1");
    let mut frame = Vec::new();
    Frame::Data(Data {
        stream: stream(1),
        payload: b"abc",
        end_stream: false,
        padding: Some(255),
    })
    .write(&mut frame);
    let mut sent = Vec::new();
    for _ in 0..129 {
        server.receive(&frame).unwrap();
        sent.extend(server.sent());
    }
    assert_eq!(server.connection.buffered(), 129 * 3);
    assert_eq!(sent, [format!("WINDOW 1 {}", 128 * 256)]);
}

#[test]
fn more_than_the_windows_is_an_error() {
    let config = || Config {
        stream_window_bytes: 10,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config());
    server.events.holds = true;
    assert_eq!(
        server.play("H1 D1:10 D1:0 D1:1"),
        ["RST 1 FLOW_CONTROL_ERROR"]
    );
    assert_eq!(
        server.happened().last().unwrap(),
        "ended 1 broken FLOW_CONTROL_ERROR"
    );

    // Until it acknowledges, the peer may go by the protocol's own window.
    let mut server = Bench::bare(Role::Server, config());
    server.events.holds = true;
    server.receive(PREFACE).unwrap();
    assert_eq!(server.play("S H1 D1:16000"), ["SETTINGS ack"]);
    assert_eq!(server.play("SA D1:1"), ["RST 1 FLOW_CONTROL_ERROR"]);

    let small = Config {
        stream_window_bytes: 1 << 20,
        connection_window_bytes: 0,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, small);
    server.events.holds = true;
    server.play("H1");
    // A frame of more than is left of the connection's window: 65,535.
    let sent = server.play("D1:16384 D1:16000");
    assert_eq!(sent, [""; 0]);
    assert_eq!(server.play("D1:16384"), ["WINDOW 0 48768"]);
}

#[test]
fn connection_window_is_enforced() {
    let config = Config {
        stream_window_bytes: 1 << 20,
        connection_window_bytes: 0,
        frame_bytes_max: 1 << 20,
        ..Config::default()
    };
    let mut server = Bench::new(Role::Server, config);
    assert_eq!(server.play("H1 D1:65535"), ["WINDOW 0 65535"]);
    assert_eq!(server.play("D1:65536"), ["GOAWAY 1 FLOW_CONTROL_ERROR"]);
}

#[test]
fn widened_stream_takes_a_large_message_and_returns_to_its_window() {
    let mut server = Bench::server();
    server.events.holds = true;
    server.events.widen = 1_000_000;
    let sent = server.play("H1 D1:100");
    // 65,436 were left.
    assert_eq!(sent, [format!("WINDOW 1 {}", 1_000_000 - 65_436)]);
    for _ in 0..62 {
        server.play("D1:16000");
    }
    server.play("D1:8000");
    assert_eq!(server.connection.unconsumed(stream(1)), 1_000_100);
    let sent = server.play("!use1:1000100");
    assert_eq!(sent, ["WINDOW 1 65536"], "all of the stream's own window");
    assert_eq!(server.play("!widen1:65536 !widen1:5"), [""; 0]);
    assert_eq!(server.play("!widen1:65537"), ["WINDOW 1 1"]);
}

#[test]
fn grown_window_is_told_at_once_and_kept() {
    let mut server = Bench::server();
    server.play("H1");
    server.connection.set_stream_window(stream(1), 200_000);
    assert_eq!(server.sent(), [format!("WINDOW 1 {}", 200_000 - 65_536)]);
    server.connection.set_stream_window(stream(1), 100_000);
    assert_eq!(server.sent(), [""; 0]);
    let mut sent = Vec::new();
    for _ in 0..7 {
        sent.extend(server.play("D1:16000"));
    }
    assert_eq!(sent, ["WINDOW 1 112000"]);
}

#[test]
fn ended_streams_get_no_updates() {
    let mut server = Bench::server();
    server.events.holds = true;
    server.play("H1 D1:16000 D1:16000 D1:16000e");
    assert_eq!(server.play("!use1:48000 !widen1:99999"), [""; 0]);
    assert_eq!(server.connection.buffered(), 0);
}

#[test]
fn torn_data_is_handed_out_as_it_comes() {
    let mut server = Bench::server();
    server.play("H1");
    let frame = wire("D1:10e");
    server.happened();
    server.receive(&frame[..12]).unwrap();
    assert_eq!(server.happened(), ["data 1 xxx"]);
    server.receive(&frame[12..13]).unwrap();
    server.receive(&frame[13..]).unwrap();
    assert_eq!(server.happened(), ["data 1 xxxxxxx end"]);
}

#[test]
fn stream_that_is_reset_inside_its_data_stays_away() {
    let mut server = Bench::server();
    server.play("H1");
    let frame = wire("D1:10e");
    server.receive(&frame[..12]).unwrap();
    server.happened();
    server.play("!reset1");
    server.receive(&frame[12..]).unwrap();
    assert_eq!(server.happened(), [""; 0]);
    assert_eq!(server.play("H3e PING"), ["PING ack 7"]);
}

#[test]
fn output_buffer_is_small_after_a_burst() {
    let mut server = Bench::server();
    server.play("W0:1000000");
    for call in 0..1_000 {
        let id = call * 2 + 1;
        server.receive(&wire(&format!("H{id}e"))).unwrap();
        server.connection.headers(stream(id), false, ok);
        let body = Bytes::from(vec![0; 100]);
        server.connection.data(stream(id), &[0; 5], body, true);
    }
    assert_eq!(server.sent().len(), 2_000);
    server.connection.shrink();
    assert!(server.connection.out().capacity() <= 512);
    assert_eq!(server.play("H1001 PING")[..], ["GOAWAY 1999 STREAM_CLOSED"]);
}
