//! `docs/configuration.md` against the code.

use std::collections::BTreeMap;
use std::path::Path;

use rzero_policy::{Policies, PolicyName, Scope, Setting, Side};

/// Keys and defaults of the tables under the headings that begin with `` ## `[policy ``.
fn documented() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows = BTreeMap::new();
    let mut prefix = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let key = title.trim_start_matches("`[").trim_start_matches('[');
            let key = key.split(']').next().unwrap();
            let ours = key == "policy" || key.starts_with("policy.");
            prefix = ours.then(|| key.trim_start_matches("policy").to_owned());
        }
        let (Some(prefix), true) = (&prefix, line.starts_with("| `")) else {
            continue;
        };
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let key = cells[0].trim().trim_matches('`');
        let key = format!("{prefix}.{key}").trim_matches('.').to_owned();
        let cells = cells.iter().map(|cell| cell.trim_matches('`').to_owned());
        assert!(
            rows.insert(key.clone(), cells.collect()).is_none(),
            "{key} twice"
        );
    }
    rows
}

/// Every key that has a built-in default, and the default.
fn real() -> BTreeMap<String, String> {
    let policies = Policies::default();
    let all: [Vec<Setting>; 4] = [
        policies.explain_server(),
        policies.explain(Side::Server, Scope::Any, "/a.B/C"),
        policies.explain_target("x"),
        policies.explain(Side::Client, Scope::Any, "/a.B/C"),
    ];
    let all = all.into_iter().flatten();
    all.map(|setting| (setting.key, setting.value)).collect()
}

#[test]
fn every_key_is_documented_with_its_default() {
    let mut rows = documented();
    // Their default depends on the side and is told in words.
    rows.remove("breaker.enabled").expect("breaker.enabled");
    for (key, default) in real() {
        if key == "breaker.enabled" {
            continue;
        }
        let row = rows
            .remove(&key)
            .unwrap_or_else(|| panic!("{key} is not documented"));
        if default != "none" {
            assert_eq!(row[1], default, "default of {key}");
        }
    }
    let left: Vec<&str> = rows.keys().map(String::as_str).collect();
    let want = [
        "bulkhead.<name>.max",
        "bulkhead.<name>.queue_max",
        "bulkhead.<name>.wait_max",
        "rate.burst",
        "rate.capacity",
        "rate.key",
        "rate.methods",
        "rate.name",
        "rate.on_error",
        "rate.period",
        "rate.rate",
        "rate.scope",
        "rule.match.caller",
        "rule.match.method",
        "rule.match.side",
        "rule.match.target",
    ];
    assert_eq!(left, want, "documented beside the keys with defaults");
}

#[test]
fn every_policy_with_a_name_is_listed() {
    let rows = documented();
    let off = rows["off"].join(" ");
    for name in PolicyName::ALL {
        assert!(off.contains(&format!("`{name}")), "{name} in: {off}");
    }
}

#[test]
fn the_documented_example_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split("\n## `[policy]`").nth(1).unwrap();
    let example = section.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    Policies::from_toml(example).unwrap();
}
