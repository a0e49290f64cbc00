//! The end of a connection (RFC 9113 section 6.8).

use rzero_http2::frame::ErrorCode;

use super::support::{Bench, stream};

#[test]
fn server_leaves_in_two_steps() {
    let mut server = Bench::server();
    assert_eq!(server.play("H1 !announce"), ["GOAWAY 2147483647 NO_ERROR"]);
    assert_eq!(server.play("H3"), [""; 0], "it still counts");
    assert_eq!(server.play("!final"), ["GOAWAY 3 NO_ERROR"]);
    assert_eq!(server.play("H5 D5:5e"), ["RST 5 REFUSED_STREAM"]);
    assert_eq!(
        server.play("!final"),
        ["GOAWAY 3 NO_ERROR"],
        "never more than was told"
    );
    let sent = server.play("!answer1 !answer3 D1:5e D3:5e");
    assert_eq!(
        sent,
        ["HEADERS 1 :status=200 end", "HEADERS 3 :status=200 end"]
    );
    assert_eq!(server.connection.stream_count(), 0);
    assert!(!server.connection.is_finished());
}

#[test]
fn client_hears_which_streams_were_refused() {
    let mut client = Bench::client();
    client.play("!open !open !open G3:0");
    let want = ["go_away 3 NO_ERROR bye", "ended 5 refused"];
    assert_eq!(client.happened(), want);
    assert!(client.connection.go_away_received());
    assert!(!client.connection.can_open());
    client.play("A3e A5e G1:0");
    let want = [
        "headers 3 :status=200 end",
        "go_away 1 NO_ERROR bye",
        "ended 3 refused",
    ];
    assert_eq!(client.happened(), want);
    client.play("A1e !end1");
    assert_eq!(client.connection.stream_count(), 0);
}

#[test]
fn client_that_leaves_opens_no_more() {
    let mut client = Bench::client();
    assert_eq!(client.play("!get !announce")[1..], ["GOAWAY 0 NO_ERROR"]);
    assert!(!client.connection.can_open());
    client.play("A1e");
    assert_eq!(client.happened(), ["headers 1 :status=200 end"]);
}

#[test]
fn clients_go_away_is_reported() {
    let mut server = Bench::server();
    server.play("H1 G0:2");
    assert_eq!(server.happened()[1..], ["go_away 0 INTERNAL_ERROR bye"]);
    assert_eq!(server.connection.stream_count(), 1, "it is about pushes");
}

#[test]
fn failed_connection_says_goodbye_and_nothing_more() {
    let mut server = Bench::server();
    server.play("H1 H3");
    server.happened();
    server
        .connection
        .fail(ErrorCode::ENHANCE_YOUR_CALM, "no ping was answered");
    server
        .connection
        .fail(ErrorCode::NO_ERROR, "once is enough");
    assert_eq!(server.sent(), ["GOAWAY 3 ENHANCE_YOUR_CALM"]);
    let connection = &mut server.connection;
    assert!(connection.is_finished());
    assert!(!connection.headers(stream(1), true, |_| panic!("no block")));
    assert_eq!(connection.reset(stream(1), ErrorCode::CANCEL), None);
    connection.ping([0; 8]);
    connection.set_stream_window(stream(1), 1 << 20);
    assert!(!connection.wants_write());
    let mut left: Vec<_> = connection.take_streams().collect();
    left.sort_unstable();
    assert_eq!(left, [(stream(1), 1), (stream(3), 3)]);
    assert_eq!(connection.stream_count(), 0);
    assert_eq!(server.play("PING"), [""; 0]);
}
