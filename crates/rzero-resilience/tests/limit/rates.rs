use rzero_core::{Admission, CallInfo, Class, Error, Idempotency, Kind, Method};
use rzero_resilience::limit::{RateKey, RateLimits, RateRule, RateScope};
use tokio::time::Instant;

use crate::support::{ORDERS, call, call_with, ms, set_peer};

fn rule(name: &str, methods: &str, key: RateKey, rate: u32) -> RateRule {
    RateRule {
        name: name.to_owned(),
        methods: methods.to_owned(),
        key,
        rate,
        capacity: 1024,
        ..RateRule::default()
    }
}

fn limits(rules: &[RateRule]) -> RateLimits {
    RateLimits::new(&[&ORDERS], rules).unwrap()
}

fn admitted(limits: &RateLimits, call: &CallInfo, now: Instant) -> usize {
    (0..100).filter(|_| limits.admit(call, now).is_ok()).count()
}

#[test]
fn a_refusal_tells_when_to_come_back() {
    let limits = limits(&[rule("all", "*", RateKey::All, 2)]);
    let now = Instant::now();
    assert_eq!(admitted(&limits, &call(0, now), now), 2);
    let error: Error = limits.admit(&call(0, now), now).unwrap_err();
    assert_eq!(error.class(), Class::RateLimited);
    assert_eq!(error.retry_after(), Some(ms(500)));
    assert!(limits.admit(&call(0, now), now + ms(500)).is_ok());
}

#[test]
fn rules_cover_the_methods_that_fit() {
    let limits = limits(&[rule("writes", "shop.Orders/P*", RateKey::All, 3)]);
    let now = Instant::now();
    assert_eq!(admitted(&limits, &call(1, now), now), 3);
    assert_eq!(admitted(&limits, &call(0, now), now), 100);
}

#[test]
fn distributed_rules_are_left_to_others() {
    let mut shared = rule("shared", "*", RateKey::All, 2);
    shared.scope = RateScope::Distributed;
    let limits = limits(&[shared, rule("own", "*", RateKey::All, 3)]);
    let now = Instant::now();
    assert_eq!(admitted(&limits, &call(0, now), now), 3);
    assert_eq!(limits.rules().len(), 1);
}

#[test]
fn methods_count_apart_by_method() {
    let limits = limits(&[rule("each", "*", RateKey::Method, 5)]);
    let now = Instant::now();
    assert_eq!(admitted(&limits, &call(0, now), now), 5);
    assert_eq!(admitted(&limits, &call(1, now), now), 5);
    assert_eq!(admitted(&limits, &call(2, now), now), 5);
}

#[test]
fn callers_are_who_their_certificates_say() {
    let limits = limits(&[rule("callers", "*", RateKey::Caller, 4)]);
    let now = Instant::now();
    let mut proven = call_with(0, now, "x-rz-caller", "liar@1");
    set_peer(&mut proven, "10.0.0.1", Some("spiffe://shop/cart"));
    assert_eq!(admitted(&limits, &proven, now), 4);
    let mut other = call_with(0, now, "x-rz-caller", "another@1");
    set_peer(&mut other, "10.0.0.2", Some("spiffe://shop/cart"));
    assert_eq!(admitted(&limits, &other, now), 0);
}

#[test]
fn callers_without_certificates_are_services_of_any_version() {
    let limits = limits(&[rule("callers", "*", RateKey::Caller, 4)]);
    let now = Instant::now();
    assert_eq!(
        admitted(&limits, &call_with(0, now, "x-rz-caller", "cart@1.2"), now),
        4
    );
    assert_eq!(
        admitted(&limits, &call_with(0, now, "x-rz-caller", "cart@1.3"), now),
        0
    );
    assert_eq!(
        admitted(&limits, &call_with(0, now, "x-rz-caller", "web"), now),
        4
    );
}

#[test]
fn calls_without_the_key_count_together() {
    for key in ["caller", "tenant", "ip", "header:x-user"] {
        let limits = limits(&[rule("r", "*", key.parse().unwrap(), 4)]);
        let now = Instant::now();
        assert_eq!(admitted(&limits, &call(0, now), now), 4);
        assert_eq!(admitted(&limits, &call(1, now), now), 0);
    }
}

#[test]
fn tenants_headers_and_addresses_count_apart() {
    let now = Instant::now();
    let tenants = limits(&[rule("r", "*", RateKey::Tenant, 1)]);
    assert_eq!(
        admitted(&tenants, &call_with(0, now, "x-rz-tenant", "blue"), now),
        1
    );
    assert_eq!(
        admitted(&tenants, &call_with(0, now, "x-rz-tenant", "red"), now),
        1
    );
    let users = limits(&[rule("r", "*", "header:x-user".parse().unwrap(), 1)]);
    assert_eq!(
        admitted(&users, &call_with(0, now, "x-user", "ann"), now),
        1
    );
    assert_eq!(
        admitted(&users, &call_with(0, now, "x-user", "bob"), now),
        1
    );
    assert_eq!(admitted(&users, &call_with(0, now, "x-user", ""), now), 1);
    let hosts = limits(&[rule("r", "*", RateKey::Ip, 1)]);
    let (mut a, mut b) = (call(0, now), call(0, now));
    set_peer(&mut a, "10.0.0.1", None);
    set_peer(&mut b, "10.0.0.2", None);
    assert_eq!(admitted(&hosts, &a, now) + admitted(&hosts, &b, now), 2);
}

#[test]
fn a_call_refused_by_one_rule_is_counted_by_none() {
    let limits = limits(&[
        rule("all", "*", RateKey::All, 50),
        rule("users", "*", "header:x-user".parse().unwrap(), 10),
    ]);
    let now = Instant::now();
    assert_eq!(
        admitted(&limits, &call_with(0, now, "x-user", "ann"), now),
        10
    );
    let all = limits.limit("all").unwrap();
    let left = limits.check(
        &call_with(0, now, "x-user", "ann"),
        now,
        |rule, decision| (rule.name.clone(), decision.remaining),
    );
    assert_eq!(left, Err(("users".to_owned(), 0)));
    assert_eq!((all.capacity(), all.refused()), (8, 0));
    assert_eq!(limits.limit("users").unwrap().refused(), 91);
    // 40 of 50 are left to the others.
    let others = ["bob", "eve", "joe", "kim", "lea"];
    let others = others.map(|user| admitted(&limits, &call_with(0, now, "x-user", user), now));
    assert_eq!(others.iter().sum::<usize>(), 40);
}

#[test]
fn methods_of_unknown_services_are_covered() {
    let limits = limits(&[
        rule("all", "*", RateKey::All, 7),
        rule("orders", "shop.Orders/*", RateKey::All, 1),
    ]);
    let now = Instant::now();
    let method = Method::dynamic("/shop.Other/Get", Kind::Unary, Idempotency::Unknown).unwrap();
    assert_eq!(admitted(&limits, &CallInfo::new(method, now), now), 7);
}

#[test]
fn a_reload_keeps_what_was_used() {
    let limits = limits(&[rule("all", "*", RateKey::All, 10)]);
    let now = Instant::now();
    let call = call(0, now);
    assert_eq!(admitted(&limits, &call, now), 10);
    let new = [
        rule("all", "*", RateKey::All, 20),
        rule("put", "*/Put", RateKey::All, 1),
    ];
    limits.reconfigure(&new, now).unwrap();
    assert_eq!(admitted(&limits, &call, now), 10);
    assert_eq!(limits.rules(), new);
    limits.reconfigure(&[], now).unwrap();
    assert_eq!(admitted(&limits, &call, now), 100);
}

#[test]
fn a_bad_reload_changes_nothing() {
    let good = [rule("all", "*", RateKey::All, 10)];
    let limits = limits(&good);
    let now = Instant::now();
    let error = limits.reconfigure(&[rule("x", "*", RateKey::All, 0)], now);
    assert!(error.unwrap_err().contains("rate rule `x`: rate:"));
    let twice = [good[0].clone(), good[0].clone()];
    assert!(
        limits
            .reconfigure(&twice, now)
            .unwrap_err()
            .contains("twice")
    );
    assert_eq!(limits.rules(), good);
}

#[test]
fn rules_are_data() {
    let text = r#"{"name": "users", "methods": "shop.Orders/*", "key": "header:x-user",
        "rate": 5, "period": {"secs": 2, "nanos": 0}}"#;
    let rule: RateRule = serde_json::from_str(text).unwrap();
    assert_eq!(rule.key, RateKey::Header("x-user".to_owned()));
    assert_eq!((rule.rate, rule.period, rule.burst), (5, ms(2_000), 0));
    assert!(rule.validate().is_ok());
    let bad = serde_json::from_str::<RateRule>(r#"{"key": "colour"}"#).unwrap_err();
    assert!(bad.to_string().contains("header:NAME"), "{bad}");
    assert!(serde_json::from_str::<RateRule>(r#"{"rates": 1}"#).is_err());
}

#[test]
fn bad_rules_are_named() {
    let error = |change: fn(&mut RateRule)| {
        let mut bad = rule("r", "*", RateKey::All, 1);
        change(&mut bad);
        bad.validate().unwrap_err()
    };
    assert!(error(|r| r.name.clear()).contains("name:"));
    assert!(error(|r| r.methods = "a b".to_owned()).contains("methods:"));
    assert!(error(|r| r.key = RateKey::Header("X".to_owned())).contains("key:"));
    assert!(error(|r| r.key = RateKey::Header("x-bin".to_owned())).contains("binary"));
    assert!(error(|r| r.period = ms(0)).contains("period:"));
    let years = |r: &mut RateRule| (r.period, r.burst) = (ms(86_400_000), 40_000);
    assert!(error(years).contains("burst:"));
    assert!(error(|r| r.capacity = 0).contains("capacity:"));
}
