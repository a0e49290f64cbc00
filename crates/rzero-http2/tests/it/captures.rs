//! Bytes that real peers sent, recorded on a loopback connection, and what the core reads from
//! them: `captures/NAME.client` is what a client said and `NAME.server` what its server answered.
//! The texts beside them are what is expected; with `ACCEPT_CAPTURES=1` the test writes them anew.

use std::path::{Path, PathBuf};
use std::{env, fs};

use rzero_http2::connection::{Config, Connection, Role};
use rzero_http2::hpack::Indexing;

use crate::connection::support::{Recorder, start};

const NAMES: [&str; 9] = [
    "curl",
    "grpc-go-empty-stream",
    "grpc-go-empty-unary",
    "grpc-go-special-status",
    "grpc-go-status-and-message",
    "grpc-go-unimplemented",
    "grpcurl",
    "rzero",
    "tonic",
];

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    folder.join(name)
}

/// What the core makes of `bytes` that come in pieces of `length`; a client asked for `streams`
/// answers before.
fn read(role: Role, bytes: &[u8], length: usize, streams: usize) -> String {
    let mut connection = Connection::new(role, Config::default(), start());
    for _ in 0..streams {
        let opened = connection.open(0, false, |block| {
            block.field(b":method", b"POST", Indexing::Add);
        });
        let stream = opened.unwrap();
        *connection.get_mut(stream).unwrap() = stream.get();
    }
    let mut seen = Recorder::default();
    for piece in bytes.chunks(length) {
        connection.receive(piece, start(), &mut seen).unwrap();
    }
    seen.take().join("\n") + "\n"
}

fn check(name: &str, role: Role, streams: usize) -> String {
    let bytes = fs::read(file(name)).unwrap();
    let whole = read(role, &bytes, usize::MAX, streams);
    for length in [1, 2, 7, 64] {
        assert_eq!(
            read(role, &bytes, length, streams),
            whole,
            "{name} in pieces of {length}"
        );
    }
    let expected = file(&format!("{name}.txt"));
    if env::var_os("ACCEPT_CAPTURES").is_some() {
        fs::write(&expected, &whole).unwrap();
    }
    assert_eq!(whole, fs::read_to_string(expected).unwrap(), "{name}");
    whole
}

#[test]
fn recorded_connections_are_read_as_they_were_meant() {
    for name in NAMES {
        let said = check(&format!("{name}.client"), Role::Server, 0);
        let requests = said.lines().filter(|l| l.starts_with("request ")).count();
        assert!(requests > 0, "{name} asks for nothing:\n{said}");
        let answered = check(&format!("{name}.server"), Role::Client, requests);
        let heads = answered
            .lines()
            .filter(|l| l.starts_with("headers "))
            .count();
        assert!(heads > 0, "{name}:\n{answered}");
    }
}
