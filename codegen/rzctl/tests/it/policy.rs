//! `rzctl policy show`: what holds, and where it is written; no server is asked.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ran, command, edit, greeter, rzctl};

const POLICY: &str = r#"
[policy]
breaker.k = 2.0
shed.cpu = 0.8

[[policy.rule]]
match.method = "greeter.Greeter/Say*"
match.side = "server"
timeout = "300ms"
concurrency.max = 100

[[policy.rule]]
match.caller = "batch-*"
priority = "sheddable"
off = ["breaker"]

[[policy.rule]]
match.target = "stock"
budget.ratio = 0.2
retry.attempts = 2

[client.stock]
service = "stock.v1"
timeout = "700ms"

[server.rpc]
timeout = "1s"
"#;

/// A service whose configuration is these sections alone.
fn service() -> (TempDir, std::path::PathBuf) {
    let (dir, root) = greeter();
    let text = format!("[service]\nname = \"greeter\"\n{POLICY}");
    fs::write(root.join("etc/greeter.toml"), text).unwrap();
    (dir, root)
}

fn show(root: &Path, arguments: &[&str]) -> Ran {
    let all: Vec<&str> = ["policy", "show"]
        .iter()
        .chain(arguments)
        .copied()
        .collect();
    rzctl(root, &all)
}

fn setting<'a>(settings: &'a Value, key: &str) -> &'a Value {
    let list = settings.as_array().unwrap();
    let found = list.iter().find(|setting| setting["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} in {settings:#}"))
}

#[test]
fn values_that_are_written_are_shown_with_their_places() {
    let (_dir, root) = service();
    insta::assert_snapshot!("policy_server", show(&root, &["greeter"]).golden());
    let say = [
        "greeter.Greeter",
        "--method",
        "SayHello",
        "--caller",
        "batch-night@1.0",
    ];
    insta::assert_snapshot!("policy_caller", show(&root, &say).golden());
    let client = ["stock.v1", "--side", "client"];
    insta::assert_snapshot!("policy_client", show(&root, &client).golden());
}

#[test]
fn defaults_are_shown_on_demand() {
    let (_dir, root) = service();
    let few = show(&root, &["greeter"]).out;
    assert!(!few.contains("concurrency.adaptive.initial") && few.contains("built-in defaults"));
    let all = show(&root, &["greeter", "--all"]).out;
    assert!(all.contains("concurrency.adaptive.initial"), "{all}");
    assert!(all.contains("built-in\n"), "{all}");
}

#[test]
fn json_has_every_value_and_its_place() {
    let (_dir, root) = service();
    let json = show(&root, &["greeter", "--method", "*/SayHello", "--json"]).json();
    assert_eq!(json["service"], "greeter");
    assert_eq!(json["side"], "server");
    assert_eq!(json["files"], json!(["etc/greeter.toml"]));
    let [method] = &json["methods"].as_array().unwrap()[..] else {
        panic!("{json:#}")
    };
    assert_eq!(method["method"], "greeter.Greeter/SayHello");
    let settings = &method["settings"];
    assert_eq!(setting(settings, "timeout")["value"], "300ms");
    let source = &setting(settings, "timeout")["source"];
    assert_eq!(source["kind"], "rule");
    assert_eq!(source["rule"], 1);
    assert_eq!(source["file"], "etc/greeter.toml");
    assert_eq!(source["line"], 11);
    assert_eq!(setting(settings, "breaker.k")["value"], 2.0);
    assert_eq!(setting(settings, "breaker.k")["source"]["kind"], "table");
    let protection = setting(settings, "breaker.protection");
    assert_eq!(protection["source"], json!({ "kind": "built-in" }));
    assert_eq!(setting(settings, "stream_timeout")["value"], Value::Null);
    assert_eq!(setting(&json["whole"], "shed.cpu")["value"], 0.8);
}

#[test]
fn the_environment_counts() {
    let (_dir, root) = service();
    let output = command(&root)
        .args(["policy", "show", "greeter", "--json"])
        .env("RZ_POLICY__BREAKER__K", "3")
        .output()
        .unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let k = setting(&json["methods"][0]["settings"], "breaker.k");
    assert_eq!(k["value"], 3.0);
    assert_eq!(k["source"]["environment"], "RZ_POLICY__BREAKER__K");
}

/// The values of files are shown all the same, and what is missing is said.
#[test]
fn a_configuration_centre_that_cannot_be_asked_is_named() {
    let (_dir, root) = service();
    let centre = "[config]\nremote = \"etcd\"\ntimeout = \"100ms\"\n\
                  etcd.endpoints = [\"127.0.0.1:1\"]\n";
    edit(&root.join("etc/greeter.toml"), |text| {
        format!("{text}{centre}")
    });
    let ran = show(&root, &["greeter"]);
    assert!(ran.out.contains("300ms"), "{}", ran.out);
    let why = if cfg!(feature = "etcd") {
        "etcd:/rzero/config/greeter did not answer"
    } else {
        "this rzctl was built without etcd"
    };
    assert!(ran.err.contains(why), "{}", ran.err);
}

#[test]
fn it_works_without_a_service_around_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("shop.toml"), POLICY).unwrap();
    let ran = show(dir.path(), &["shop", "--config", "shop.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("any method that no rule names"),
        "{}",
        ran.out
    );
    let one = [
        "shop",
        "--config",
        "shop.toml",
        "--method",
        "greeter.Greeter/SayHello",
    ];
    let ran = show(dir.path(), &one);
    assert!(ran.out.contains("shop.toml:9:11 (rule 1)"), "{}", ran.out);
}

#[test]
fn mistakes_are_bad_input_and_say_what_to_do() {
    let (dir, root) = service();
    let nowhere = dir.path().join("nowhere");
    fs::create_dir(&nowhere).unwrap();
    for (name, folder, arguments) in [
        ("policy_unknown_service", &root, &["greter"][..]),
        (
            "policy_unknown_method",
            &root,
            &["greeter", "--method", "Sya*"],
        ),
        ("policy_no_configuration", &nowhere, &["greeter"]),
        (
            "policy_target_of_server",
            &root,
            &["greeter", "--target", "stock"],
        ),
        (
            "policy_caller_of_client",
            &root,
            &["stock", "--side", "client", "--caller", "web"],
        ),
    ] {
        let text = show(folder, arguments).golden();
        assert!(text.starts_with("exit code 3\n"), "{text}");
        insta::assert_snapshot!(name, text);
    }
    edit(&root.join("etc/greeter.toml"), |text| {
        text.replace("breaker.k = 2.0", "breaker.k = 0.2")
    });
    let text = show(&root, &["greeter"]).golden();
    assert!(text.starts_with("exit code 3\n"), "{text}");
    insta::assert_snapshot!("policy_wrong_value", text);
}

#[test]
fn rules_that_match_nothing_are_remarks() {
    let (_dir, root) = service();
    edit(&root.join("etc/greeter.toml"), |text| {
        text.replace("Greeter/Say*", "Greter/Say*")
    });
    let ran = show(&root, &["greeter"]);
    assert_eq!(ran.code, 0);
    let want =
        "warning: etc/greeter.toml:8:1: policy.rule[0].match.method: no method that is served";
    assert!(ran.err.contains(want), "{}", ran.err);
}
