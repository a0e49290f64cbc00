//! The corpora of the fuzz targets: inputs that once reached something new.

use std::fs;
use std::path::Path;

use rzero_http2::connection::Role;

use crate::connection::support::start;

#[expect(unreachable_pub, reason = "it is a library where it is fuzzed")]
#[path = "../../fuzz/src/lib.rs"]
mod program;

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files = fs::read_dir(folder).unwrap();
    let inputs: Vec<_> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!inputs.is_empty());
    inputs
}

#[test]
fn server_corpus_breaks_nothing() {
    for input in inputs("server") {
        program::run(Role::Server, start(), &input);
    }
}

#[test]
fn client_corpus_breaks_nothing() {
    for input in inputs("client") {
        program::run(Role::Client, start(), &input);
    }
}

#[test]
fn header_block_corpus_breaks_nothing() {
    for input in inputs("hpack") {
        program::hpack(&input);
    }
}
