//! Bad input gives problems, never a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rzero_idl::{Diagnostics, Model, load_texts};

const SEED: &str = r#"syntax = "proto3";
package shop.v1; // A comment
import "google/protobuf/timestamp.proto";
option java_package = "a\nb";
/* block */ service Shop { rpc Buy (stream Order) returns (Order) { option deprecated = true; } }
message Order {
  optional string id = 1 [deprecated = true, json_name = "x"];
  map<string, Kind> kinds = 2;
  oneof what { int32 a = 3; Order b = 4; }
  reserved 5 to 9, 100 to max;
  enum Kind { option allow_alias = true; A = 0; B = 0x1; C = 1; }
  google.protobuf.Timestamp at = 10;
  message Inner { repeated double d = 1 [packed = false]; }
}
"#;

/// Tokens that mean something to the parser, to be put anywhere.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    ";",
    "=",
    "<",
    ">",
    "[",
    "]",
    "\"",
    "'",
    "//",
    "/*",
    "*/",
    ",",
    ".",
    "-",
    "message",
    "enum",
    "oneof",
    "map",
    "rpc",
    "stream",
    "group",
    "extend",
    "extensions",
    "reserved",
    "option",
    "import",
    "package",
    "syntax = \"proto2\";",
    "edition = \"2023\";",
    "0x",
    "99999999999999999999",
    "1e999",
    "inf",
    "\\",
    "\u{feff}",
    "é",
    "\0",
    "to max",
    "Order",
];

fn load(text: String) -> Result<Model, Diagnostics> {
    load_texts(BTreeMap::from([("shop.proto".to_owned(), text)]))
}

/// Loads, and renders what is wrong: rendering must not panic either.
fn survives(text: String) -> Result<(), TestCaseError> {
    if let Err(problems) = load(text) {
        prop_assert!(!problems.problems().is_empty());
        prop_assert!(!problems.render(true).contains("the parser failed"));
        for problem in problems.problems() {
            let _place = problem.place();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(String::from_utf8_lossy(&bytes).into_owned())?;
    }

    #[test]
    fn mutated_contract_never_panics(
        edits in proptest::collection::vec((0..SEED.len(), 0..30usize, 0..TOKENS.len()), 1..8)
    ) {
        let mut text = SEED.to_owned();
        for (at, length, token) in edits {
            let mut start = at.min(text.len());
            while !text.is_char_boundary(start) { start -= 1; }
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(end) { end -= 1; }
            text.replace_range(start..end, TOKENS[token]);
        }
        survives(text)?;
    }

    #[test]
    fn cut_contract_never_panics(at in 0..SEED.len()) {
        let mut at = at;
        while !SEED.is_char_boundary(at) { at -= 1; }
        survives(SEED[..at].to_owned())?;
    }
}

#[test]
fn seed_of_the_mutations_is_valid() {
    load(SEED.to_owned()).unwrap();
}

#[test]
fn deep_nesting_ends_in_a_problem() {
    for open in [
        "message M {",
        "option (a) = {a:",
        "option (a) = [",
        "(",
        "<",
        "/*",
        "oneof a {",
    ] {
        let text = format!("syntax = \"proto3\";\n{}", open.repeat(200_000));
        assert!(load(text).is_err(), "{open}");
    }
}

#[test]
fn long_chain_of_imports_is_followed() {
    let mut texts = BTreeMap::new();
    for at in 0..500 {
        let import = if at == 499 {
            String::new()
        } else {
            format!("import \"f{}.proto\";", at + 1)
        };
        texts.insert(
            format!("f{at}.proto"),
            format!("syntax = \"proto3\"; {import} message M{at} {{}}"),
        );
    }
    assert_eq!(load_texts(texts).unwrap().files.len(), 500);
}

#[test]
fn file_full_of_mistakes_ends_in_few_problems() {
    let messages: Vec<String> = (0..300)
        .map(|at| format!("message M{at} {{ X x = 1; }}\n"))
        .collect();
    let problems = load(format!("syntax = \"proto3\";\n{}", messages.concat())).unwrap_err();
    assert!(problems.problems().len() <= 50);
    assert!(problems.to_string().contains("the first 50 are shown"));
}
