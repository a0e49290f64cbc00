//! Every effective value tells where it comes from.

use rzero_config::{Format, Loader};
use rzero_policy::{Policies, Scope, Setting, Side};

const TEXT: &str = r#"[policy]
breaker.k = 2.0
shed.cpu = 0.8
zone.prefer = false

[[policy.rule]]
match.method = "shop.Orders/*"
timeout = "300ms"

[[policy.rule]]
match.target = "stock"
breaker.k_min = 1.3
budget.ratio = 0.2
"#;

fn policies() -> Policies {
    let loader = Loader::new()
        .text("etc/shop.toml", Format::Toml, TEXT)
        .env_prefix("RZ")
        .env_map([
            ("RZ_POLICY__RETRY__ATTEMPTS", "2"),
            ("RZ_POLICY__RULE__0__OFF", "[\"breaker\"]"),
        ]);
    Policies::take(&mut loader.load().unwrap()).unwrap()
}

fn found(settings: &[Setting], key: &str) -> (String, String) {
    let setting = settings.iter().find(|setting| setting.key == key);
    let setting = setting.unwrap_or_else(|| panic!("no {key} in {settings:#?}"));
    (setting.value.clone(), setting.source.to_string())
}

fn pair(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

#[test]
fn values_of_methods_tell_file_rule_environment_or_built_in() {
    let policies = policies();
    let settings = policies.explain(Side::Client, Scope::Target("stock"), "/shop.Orders/Get");
    for (key, value, source) in [
        ("breaker.k", "2.0", "etc/shop.toml:2:13"),
        ("breaker.k_min", "1.3", "etc/shop.toml:12:17 (rule 2)"),
        ("breaker.protection", "5", "built-in"),
        ("breaker.enabled", "true", "built-in"),
        ("timeout", "\"300ms\"", "etc/shop.toml:8:11 (rule 1)"),
        (
            "retry.attempts",
            "2",
            "environment RZ_POLICY__RETRY__ATTEMPTS",
        ),
        ("retry.on", "none", "built-in"),
        (
            "off",
            "[\"breaker\"]",
            "environment RZ_POLICY__RULE__0__OFF (rule 1)",
        ),
    ] {
        assert_eq!(found(&settings, key), pair(value, source), "{key}");
    }
    let has = |key: &str| settings.iter().any(|setting| setting.key.starts_with(key));
    assert!(!has("concurrency") && !has("outlier") && !has("shed") && !has("hedge.calls"));
    assert!(has("hedge.enabled") && has("retry.base"));
}

#[test]
fn servers_have_other_keys_and_another_default() {
    let settings = policies().explain(Side::Server, Scope::Any, "/shop.Users/Get");
    assert_eq!(
        found(&settings, "breaker.enabled"),
        pair("false", "built-in")
    );
    assert_eq!(found(&settings, "concurrency.max"), pair("0", "built-in"));
    assert_eq!(found(&settings, "timeout"), pair("none", "built-in"));
    assert!(
        !settings
            .iter()
            .any(|setting| setting.key.starts_with("retry"))
    );
}

#[test]
fn targets_and_the_server_are_explained_too() {
    let policies = policies();
    let stock = policies.explain_target("stock");
    assert_eq!(
        found(&stock, "budget.ratio"),
        pair("0.2", "etc/shop.toml:13:16 (rule 2)")
    );
    assert_eq!(
        found(&stock, "zone.prefer"),
        pair("false", "etc/shop.toml:4:15")
    );
    assert_eq!(found(&stock, "slow_start.floor"), pair("0.1", "built-in"));
    assert_eq!(
        found(&policies.explain_target("x"), "budget.ratio"),
        pair("0.1", "built-in")
    );
    let server = policies.explain_server();
    assert_eq!(
        found(&server, "shed.cpu"),
        pair("0.8", "etc/shop.toml:3:12")
    );
    assert_eq!(found(&server, "shed.enabled"), pair("true", "built-in"));
}
