//! `rzctl call`, `list` and `describe` against a real server.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use rzero::parts::server::TlsConfig;
use serde_json::{Value, json};

use crate::server::{Server, World};
use crate::support::{Ran, command, rzctl};

const CONTRACT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/calc/proto/calc/v1/calc.proto"
);

/// Runs the program with something on its standard input.
fn fed(world: &World, input: &str, arguments: &[&str]) -> Ran {
    let mut command = command(world.dir.path());
    command
        .args(arguments)
        .arg("--registry-dir")
        .arg(world.registry());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The program may end before it has read everything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The values on standard output, one a line.
fn lines(ran: &Ran) -> Vec<Value> {
    let lines = ran.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn all_four_kinds_of_call_work_by_name_and_reflection() {
    let world = World::new();
    let server = world.start("calc");
    let unary = world.run(&["call", "calc.v1.Calc/Echo", r#"{"text":"hi"}"#]);
    assert_eq!(unary.code, 0, "{}", unary.err);
    assert_eq!(unary.json()["request"]["text"], "hi");
    let count = world.run(&["call", "calc.v1.Calc/Count", r#"{"count":3}"#]);
    let numbers = [
        json!({"value":"1"}),
        json!({"value":"2"}),
        json!({"value":"3"}),
    ];
    assert_eq!(lines(&count), numbers);
    let sum = fed(
        &world,
        "{\"value\":1}\n{\"value\":41}\n",
        &["call", "calc.v1.Calc/Sum"],
    );
    assert_eq!(sum.json(), json!({"value":"42"}), "{}", sum.err);
    let double = fed(
        &world,
        "{\"value\":1}\n{\"value\":2}\n",
        &["call", "calc.v1.Calc/Double"],
    );
    assert_eq!(lines(&double), [json!({"value":"2"}), json!({"value":"4"})]);
    server.leave();
}

#[test]
fn json_is_canonical_both_ways() {
    let world = World::new();
    let server = world.start("calc");
    let request = json!({
        "text": "t", "mood": "MOOD_GOOD", "items": [{"skuCode": "a", "quantity": "9007199254740993"}],
        "prices": {"x": "1"}, "raw": "AQI=", "maybe": 0, "wait": "1.500s", "right": false,
    });
    let ran = world.run(&["call", "calc.v1.Calc/Echo", &request.to_string(), "--json"]);
    assert_eq!(ran.json()["request"], request, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1);
    let ran = world.run(&["call", "calc.v1.Calc/Echo", "--emit-defaults"]);
    assert_eq!(ran.json()["tenant"], "");
    server.leave();
}

#[test]
fn requests_come_from_files_and_standard_input() {
    let world = World::new();
    let server = world.start("calc");
    fs::write(
        world.dir.path().join("request.json"),
        "{\n  \"text\": \"file\"\n}\n",
    )
    .unwrap();
    let ran = world.run(&["call", "calc.v1.Calc/Echo", "@request.json"]);
    assert_eq!(ran.json()["request"]["text"], "file");
    let ran = fed(
        &world,
        "{\n\"text\":\n\"stdin\"}",
        &["call", "calc.v1.Calc/Echo", "-"],
    );
    assert_eq!(ran.json()["request"]["text"], "stdin");
    let ran = world.run(&[
        "call",
        "calc.v1.Calc/Sum",
        r#"{"value":1} {"value":2}"#,
        "--json",
    ]);
    assert_eq!(ran.out, "{\"value\":\"3\"}\n");
    let two = world.run(&["call", "calc.v1.Calc/Echo", "{} {}"]);
    assert_eq!(two.code, 3);
    assert!(two.err.contains("takes one request"), "{}", two.err);
    server.leave();
}

#[test]
fn failed_call_shows_everything_that_came_back() {
    let world = World::new();
    let server = world.start("calc");
    let call = ["call", "calc.v1.Calc/Echo", r#"{"text":"x","fail":true}"#];
    insta::assert_snapshot!("call_fails", world.run(&call).golden());
    let ran = world.run(&[&call[..], &["--json"]].concat());
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    insta::assert_snapshot!(
        "call_fails_json",
        serde_json::to_string_pretty(&error).unwrap()
    );
    server.leave();
}

#[test]
fn broken_stream_shows_replies_then_the_error() {
    let world = World::new();
    let server = world.start("calc");
    let ran = world.run(&["call", "calc.v1.Calc/Count", r#"{"count":4}"#]);
    assert_eq!((ran.code, lines(&ran).len()), (1, 4));
    assert!(
        ran.err.starts_with("error: UNAVAILABLE: tired\n"),
        "{}",
        ran.err
    );
    let input = "{\"value\":1}\n{\"value\":-1}\n";
    let ran = fed(&world, input, &["call", "calc.v1.Calc/Double"]);
    assert_eq!((ran.code, lines(&ran)), (1, vec![json!({"value":"2"})]));
    server.leave();
}

#[test]
fn verbose_shows_node_and_metadata() {
    let world = World::new();
    let server = world.start("calc");
    let ran = world.run(&["call", "calc.v1.Calc/Echo", "-v", "-H", "X-Tenant: blue"]);
    assert_eq!(ran.json()["tenant"], "blue");
    for part in [
        &*server.address,
        "version 1.2.3",
        "header: x-head: first",
        "trailer: x-trail: last",
    ] {
        assert!(ran.err.contains(part), "{part} is not in {}", ran.err);
    }
    server.leave();
}

#[test]
fn wrong_requests_point_at_the_field() {
    let world = World::new();
    let server = world.start("calc");
    for (name, request) in [
        ("unknown_field", r#"{"text":"x","itmes":[]}"#),
        (
            "wrong_type",
            r#"{"items":[{"skuCode":"a"},{"quantity":true}]}"#,
        ),
        ("unknown_value", r#"{"mood":"MOOD_BAD"}"#),
        ("no_json", r#"{text:"x"}"#),
    ] {
        let ran = world.run(&["call", "calc.v1.Calc/Echo", request]);
        assert_eq!(ran.code, 3);
        insta::assert_snapshot!(format!("request_{name}"), ran.golden());
    }
    server.leave();
}

#[test]
fn services_are_found_by_what_they_offer_too() {
    let world = World::new();
    let server = world.start("arithmetic");
    let found = world.run(&["call", "calc.v1.Calc/Echo"]);
    assert_eq!(found.code, 0, "{}", found.err);
    let named = world.run(&["call", "calc.v1.Calc/Echo", "--service", "arithmetic"]);
    assert_eq!(named.code, 0, "{}", named.err);
    insta::assert_snapshot!(
        "call_service_not_found",
        world.run(&["call", "shop.v1.Shop/Buy"]).golden()
    );
    let wrong = world.run(&["call", "calc.v1.Calc/Echo", "--service", "shop"]);
    assert!(
        wrong.code == 3 && wrong.err.contains("registered are: arithmetic"),
        "{}",
        wrong.err
    );
    server.leave();
}

#[test]
fn nobody_registered_says_what_to_do() {
    let ran = World::new().run(&["call", "calc.v1.Calc/Echo"]);
    insta::assert_snapshot!("call_nobody_registered", ran.golden());
}

#[test]
fn unknown_methods_name_the_known_ones() {
    let world = World::new();
    let server = world.start("calc");
    let ran = world.run(&["call", "calc.v1.Calc/Ehco"]);
    insta::assert_snapshot!("call_unknown_method", ran.golden());
    server.leave();
}

#[test]
fn address_and_contract_at_hand_need_neither_registry_nor_reflection() {
    let world = World::new();
    let server = Server::start(&world.registry(), "calc", |rpc| {
        rpc.reflection = Some(false)
    });
    let run = |more: &[&str]| {
        let call = ["call", "calc.v1.Calc/Echo", "--addr", &server.address];
        rzctl(world.dir.path(), &[&call[..], more].concat())
    };
    let folder = Path::new(CONTRACT)
        .ancestors()
        .nth(3)
        .unwrap()
        .to_str()
        .unwrap();
    let ran = run(&["--proto", CONTRACT, "-I", folder]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!("call_without_reflection", run(&[]).golden());
    server.leave();
}

#[test]
fn dead_address_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["call", "calc.v1.Calc/Echo", "--addr", "127.0.0.1:1"];
    let ran = rzctl(dir.path(), &arguments);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("connection: cannot connect to 127.0.0.1:1"),
        "{}",
        ran.err
    );
}

#[test]
fn contracts_are_listed_and_described() {
    let world = World::new();
    let server = world.start("calc");
    let list = world.run(&["list", "--json"]).json();
    assert!(list.as_array().unwrap().contains(&"calc.v1.Calc".into()));
    for (name, symbol) in [
        ("service", "calc.v1.Calc"),
        ("method", "calc.v1.Calc/Count"),
        ("message", "calc.v1.EchoRequest"),
        ("enum", "calc.v1.Mood"),
    ] {
        let ran = world.run(&["describe", symbol]);
        insta::assert_snapshot!(format!("describe_{name}"), ran.golden());
    }
    let missing = world.run(&["describe", "calc.v1.Nothing"]);
    assert_eq!(missing.code, 3);
    server.leave();
}

#[test]
fn tls_is_spoken_when_an_authority_is_named() {
    let world = World::new();
    let file = |name: &str, text: &str| {
        let path = world.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = file("cert.pem", &made.cert.pem());
    let key = file("key.pem", &made.signing_key.serialize_pem());
    let server = Server::start(&world.registry(), "calc", |rpc| {
        let client_ca = None;
        rpc.tls = Some(TlsConfig {
            cert,
            key,
            client_ca,
        });
    });
    let call = ["call", "calc.v1.Calc/Echo", "--tls-ca", "cert.pem"];
    let ran = world.run(&[&call[..], &["--tls-server-name", "localhost"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let wrong = world.run(&[&call[..], &["--tls-server-name", "elsewhere"]].concat());
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.err.contains("connection: cannot connect"),
        "{}",
        wrong.err
    );
    let plain = world.run(&call[..2]);
    assert!(
        plain.code == 1 && plain.err.contains("TLS"),
        "{}",
        plain.err
    );
    server.leave();
}
