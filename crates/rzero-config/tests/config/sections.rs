//! Sections that are merged further before they are read.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use rzero_config::{Format, Loader, Section};

const TEXT: &str = r#"[policy]
k = 2
[policy.breaker]
window = "10s"
[[policy.rule]]
k = 3
[[policy.rule]]
breaker.window = 5
"#;

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    k: u32,
    breaker: Breaker,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaker {
    window: String,
}

fn policy() -> Section {
    let loader = Loader::new().text("a.toml", Format::Toml, TEXT);
    loader.load().unwrap().take_raw("policy").unwrap()
}

#[test]
fn a_section_is_taken_once() {
    let loader = Loader::new().text("a.toml", Format::Toml, TEXT);
    let mut document = loader.load().unwrap();
    assert!(document.take_raw("polcy").is_none());
    assert!(document.take_raw("policy").is_some());
    assert!(document.take_raw("policy").is_none());
    assert!(document.finish().is_ok());
}

#[test]
fn merged_values_keep_their_places() {
    let mut base = policy();
    let rules = base.take("rule").unwrap().items().unwrap();
    assert_eq!(base.keys().collect::<Vec<_>>(), ["breaker", "k"]);
    base.merge(&rules[0]);
    let values: Values = base.read().unwrap();
    assert_eq!((values.k, values.breaker.window.as_str()), (3, "10s"));
    assert_eq!(base.origin("k").unwrap().to_string(), "a.toml:6:5");
    let window = base.origin("breaker.window").unwrap();
    assert_eq!(window.to_string(), "a.toml:4:10");
    let lines = base.explain();
    assert_eq!(
        (lines[0].key.as_str(), lines[0].value.as_str()),
        ("policy.breaker.window", "\"10s\"")
    );
}

#[test]
fn mistakes_are_placed_wherever_the_value_came_from() {
    let mut base = policy();
    let rules = base.take("rule").unwrap().items().unwrap();
    let error = rules[1].read::<Values>().unwrap_err().to_string();
    assert!(
        error.contains("a.toml:8:18: policy.rule[1].breaker.window: expected text"),
        "{error}"
    );
    base.merge(&rules[1]);
    let error = base.read::<Values>().unwrap_err().to_string();
    assert!(
        error.starts_with("a.toml:8:18: policy.breaker.window: "),
        "{error}"
    );
    let error = base.error_at("breaker.window", "too long").to_string();
    assert_eq!(error, "a.toml:8:18: policy.breaker.window: too long");
    let error = base.error_at("breaker.missing", "is needed").to_string();
    assert!(
        error.starts_with("a.toml:8:1: policy.breaker.missing: "),
        "{error}"
    );
}

#[test]
fn keys_that_were_taken_are_suggested() {
    let loader = Loader::new().text(
        "a.toml",
        Format::Toml,
        "[policy]\nk = 1\nrull = 2\n[policy.breaker]\nwindow = \"\"\n",
    );
    let mut section = loader.load().unwrap().take_raw("policy").unwrap();
    assert!(section.take("rule").is_none());
    let error = section.read::<Values>().unwrap_err().to_string();
    assert_eq!(
        error,
        "a.toml:3:1: policy.rull: unknown key; did you mean `rule`?"
    );
}

#[test]
fn what_is_no_list_and_no_table_is_told() {
    let mut base = policy();
    let k = base.take("k").unwrap();
    let error = k.clone().items().unwrap_err().to_string();
    assert_eq!(
        error,
        "a.toml:2:5: policy.k: expected a list, found integer"
    );
    assert!(
        k.entries()
            .unwrap_err()
            .to_string()
            .contains("expected a table")
    );
    let breaker = base.take("breaker").unwrap().entries().unwrap();
    assert_eq!(breaker["window"].key(), "policy.breaker.window");
    let empty = Section::empty("policy");
    assert_eq!((empty.key().as_str(), empty.keys().count()), ("policy", 0));
}
