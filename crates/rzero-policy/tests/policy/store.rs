//! Where rate limits are counted that all processes share.

use std::time::Duration;

use rzero_policy::{Policies, StoreConfig};

fn read(text: &str) -> Policies {
    Policies::from_toml(text).unwrap()
}

#[test]
fn without_a_section_nothing_is_named() {
    let policies = read("");
    assert_eq!(policies.server().store, StoreConfig::default());
    assert_eq!(policies.server().store.redis, None);
    assert_eq!(policies.server().store.timeout, Duration::from_millis(50));
}

#[test]
fn what_is_written_is_read_and_explained() {
    let policies = read("[policy.store]\nredis = 'limits'\ntimeout = '20ms'\n");
    let store = &policies.server().store;
    assert_eq!(store.redis.as_deref(), Some("limits"));
    assert_eq!(store.timeout, Duration::from_millis(20));
    let settings = policies.explain_server();
    let redis = settings.iter().find(|s| s.key == "store.redis").unwrap();
    assert_eq!(redis.value, "\"limits\"");
    let place = redis.source.origin().unwrap().to_string();
    assert!(place.starts_with("policy.toml:2:"), "{place}");
}

#[test]
fn mistakes_are_placed() {
    for (text, key) in [
        ("timeout = '2m'", "policy.store.timeout"),
        ("timeout = '0s'", "policy.store.timeout"),
        ("rdis = 'main'", "policy.store.rdis"),
    ] {
        let error = Policies::from_toml(&format!("[policy.store]\n{text}\n")).unwrap_err();
        let told = error.to_string();
        let placed = told.starts_with("policy.toml:2:") && told.contains(key);
        assert!(placed, "{told}");
    }
    let rule = "[[policy.rule]]\nstore.redis = 'main'\n";
    assert!(Policies::from_toml(rule).is_err());
}

#[test]
fn the_first_shared_rule_is_found_and_errors_about_it_are_placed() {
    let rule =
        |name, scope| format!("[[policy.rate]]\nname = '{name}'\nrate = 1\nscope = '{scope}'\n");
    let local = rule("a", "local");
    assert_eq!(read(&local).server().first_distributed(), None);
    let policies = read(&(local + &rule("b", "distributed")));
    assert_eq!(policies.server().first_distributed(), Some(1));
    let told = policies
        .error_at("rate[1].scope", "has no store")
        .to_string();
    assert_eq!(told, "policy.toml:8:9: policy.rate[1].scope: has no store");
}
