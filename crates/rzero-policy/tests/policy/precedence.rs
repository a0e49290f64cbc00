//! Which value wins.

use std::time::Duration;

use rzero_balance::{OutlierConfig, SlowStart};
use rzero_config::OrNever;
use rzero_core::{Class, Priority};
use rzero_policy::{
    ClientPolicy, MethodPolicy, OnCancel, Policies, PolicyName, Scope, ServerPolicy, Side,
};
use rzero_resilience::limit::{ConcurrencyConfig, RateKey};
use rzero_resilience::{breaker, retry, shed};

const PATH: &str = "/shop.v1.Orders/Get";

fn policies(text: &str) -> Policies {
    Policies::from_toml(text).unwrap()
}

fn server(policies: &Policies, path: &str) -> MethodPolicy {
    policies.method(Side::Server, Scope::Any, path)
}

fn after(millis: u64) -> Option<OrNever> {
    Some(OrNever::After(Duration::from_millis(millis)))
}

#[test]
fn an_empty_table_is_the_built_in_defaults() {
    let policies = Policies::default();
    for side in [Side::Server, Side::Client] {
        let method = policies.method(side, Scope::Any, PATH);
        assert_eq!(method, MethodPolicy::builtin(side));
        assert_eq!(method.retry, retry::Policy::default());
        assert_eq!(method.hedge, retry::Hedge::default());
        assert_eq!(method.concurrency, ConcurrencyConfig::default());
        let breaker = breaker::Config {
            enabled: side == Side::Client,
            ..breaker::Config::default()
        };
        assert_eq!(method.breaker.get(), &breaker);
    }
    assert_eq!(policies.client("stock"), ClientPolicy::default());
    assert_eq!(policies.client("stock").slow_start, SlowStart::default());
    assert_eq!(*policies.server(), ServerPolicy::default());
    assert_eq!(policies, Policies::from_toml("").unwrap());
}

#[test]
fn the_base_holds_for_every_method() {
    let policies = policies(
        r#"
        [policy]
        timeout = "1s"
        breaker.k = 2
        retry.attempts = 2
        outlier.consecutive = 7
        shed.cpu = 0.8
        "#,
    );
    for side in [Side::Server, Side::Client] {
        let method = policies.method(side, Scope::Any, PATH);
        assert_eq!(method.timeout, after(1000));
        assert_eq!(method.breaker.get().k, 2.0);
        assert_eq!(method.retry.max_retries, 1);
    }
    assert_eq!(policies.client("any").outlier.consecutive, 7);
    assert_eq!(policies.server().shed.cpu_threshold, 800);
}

#[test]
fn later_rules_win_value_by_value() {
    let policies = policies(
        r#"
        [policy]
        timeout = "1s"
        concurrency.max = 10
        [[policy.rule]]
        match.method = "shop.v1.Orders/*"
        timeout = "300ms"
        concurrency.max = 20
        [[policy.rule]]
        match.method = "*/Get"
        timeout = "never"
        "#,
    );
    let of = |path| {
        let method = server(&policies, path);
        (method.timeout, method.concurrency.max)
    };
    assert_eq!(of(PATH), (Some(OrNever::Never), 20));
    assert_eq!(of("/shop.v1.Orders/Put"), (after(300), 20));
    assert_eq!(of("/shop.v1.Users/Get"), (Some(OrNever::Never), 10));
    assert_eq!(of("/shop.v1.Users/Put"), (after(1000), 10));
}

#[test]
fn rules_keep_to_their_side() {
    let policies = policies(
        r#"
        [[policy.rule]]
        match.side = "server"
        timeout = "1s"
        [[policy.rule]]
        match.side = "client"
        timeout = "2s"
        "#,
    );
    let of = |side| policies.method(side, Scope::Any, PATH).timeout;
    assert_eq!(of(Side::Server), after(1000));
    assert_eq!(of(Side::Client), after(2000));
}

#[test]
fn rules_keep_to_their_target() {
    let policies = policies(
        r#"
        [[policy.rule]]
        match.target = "sto*"
        breaker.enabled = false
        budget.ratio = 0.5
        slow_start.floor = 0.2
        "#,
    );
    let breaker = |scope| {
        let method = policies.method(Side::Client, scope, PATH);
        method.breaker.get().enabled
    };
    assert!(!breaker(Scope::Target("stock")));
    assert!(breaker(Scope::Target("users")));
    assert!(breaker(Scope::Any));
    assert_eq!(policies.client("stock").budget.ratio, 0.5);
    assert_eq!(policies.client("stock").slow_start.floor, 0.2);
    assert_eq!(policies.client("users"), ClientPolicy::default());
}

#[test]
fn callers_are_told_apart_by_class() {
    let policies = policies(
        r#"
        [[policy.rule]]
        match.caller = "batch-*"
        match.method = "shop.v1.Orders/*"
        priority = "sheddable"
        on_cancel = "finish"
        [[policy.rule]]
        match.caller = "web@2.*"
        priority = "critical"
        "#,
    );
    let of = |scope| policies.method(Side::Server, scope, PATH).priority;
    assert_eq!(of(Scope::Any), Priority::Normal);
    for (caller, want) in [
        ("batch-nightly@1.0", Priority::Sheddable),
        ("web@2.1", Priority::Critical),
        ("web@1.0", Priority::Normal),
        ("", Priority::Normal),
    ] {
        assert_eq!(of(Scope::Caller(caller)), want, "{caller}");
        let class = policies.caller_class(caller);
        assert_eq!(of(Scope::Class(class)), want, "{caller}");
    }
    let finish = policies.method(Side::Server, Scope::Caller("batch-a"), PATH);
    assert_eq!(finish.on_cancel, OnCancel::Finish);
    assert_eq!(
        policies.caller_class("batch-a@1"),
        policies.caller_class("batch-b")
    );
    assert!(policies.depends_on_caller(PATH));
    assert!(!Policies::default().depends_on_caller(PATH));
}

#[test]
fn what_is_off_has_no_effect() {
    let policies = policies(
        r#"
        [policy]
        concurrency.max = 5
        hedge.enabled = true
        off = ["breaker", "retry", "hedge", "concurrency", "outlier", "slow_start", "subset", "zone"]
        [[policy.rule]]
        match.method = "shop.v1.Orders/*"
        off = ["shed"]
        "#,
    );
    let other = policies.method(Side::Client, Scope::Any, "/a.B/C");
    assert!(!other.breaker.get().enabled && !other.hedge.enabled);
    assert_eq!((other.retry.max_retries, other.retry.max_repicks), (0, 0));
    assert_eq!(other.concurrency, ConcurrencyConfig::default());
    assert!(!other.has(PolicyName::Breaker) && other.has(PolicyName::Shed));
    // Lists are replaced as a whole.
    let orders = policies.method(Side::Client, Scope::Any, PATH);
    assert!(orders.breaker.get().enabled && orders.hedge.enabled);
    assert_eq!(orders.off.iter().collect::<Vec<_>>(), [PolicyName::Shed]);
    let client = policies.client("stock");
    assert!(!client.outlier.enabled && !client.zone.prefer);
    assert_eq!(client.slow_start, SlowStart::OFF);
    assert_eq!(client.subset.above, usize::MAX);
    assert_eq!(
        OutlierConfig {
            enabled: true,
            ..client.outlier
        },
        OutlierConfig::default()
    );
}

#[test]
fn every_table_reaches_its_policy() {
    let policies = policies(
        r#"
        [policy]
        attempt_timeout = "100ms"
        stream_timeout = "1h"
        breaker = { window = "20s", slow = "250ms", codes = "go-zero" }
        retry = { base = "10ms", buffer = "1KiB", on = ["CONNECT", "OVERLOADED"], repicks = 1 }
        hedge = { enabled = true, delay = "50ms", calls_ratio_max = 0.1 }
        concurrency = { max = 100, adaptive = { enabled = true, initial = 32 } }
        shed = { signals = ["cpu", "queue"], queue_wait_max = "50ms" }
        server.concurrency.max = 1000
        subset = { above = 100, size = 50 }
        zone.spill_below = 0.5
        [[policy.rate]]
        name = "writes"
        methods = "shop.v1.Orders/Put*"
        key = "caller"
        rate = 50
        period = "1m"
        [policy.bulkhead.reports]
        max = 2
        wait_max = "5s"
        "#,
    );
    let method = policies.method(Side::Client, Scope::Any, PATH);
    assert_eq!(method.attempt_timeout(), Some(Duration::from_millis(100)));
    assert_eq!(method.stream_timeout, after(3_600_000));
    let breaker = method.breaker.get();
    assert_eq!(breaker.window, Duration::from_secs(20));
    assert_eq!(breaker.slow_ms, Some(250));
    assert_eq!(breaker.codes, breaker::Codes::GoZero);
    assert_eq!(method.retry.base, Duration::from_millis(10));
    assert_eq!(
        (method.retry.buffer_bytes, method.retry.max_repicks),
        (1024, 1)
    );
    assert!(method.retry.on.contains(Class::Overloaded));
    assert!(!method.retry.on.contains(Class::Unavailable));
    assert_eq!(method.hedge.delay, Some(Duration::from_millis(50)));
    assert_eq!(policies.client("x").hedge.calls_ratio_max, 0.1);
    assert_eq!(method.concurrency.max, 100);
    assert_eq!(method.concurrency.adaptive.unwrap().initial, 32);
    let server = policies.server();
    assert_eq!(
        server.shed,
        shed::Config {
            memory: false,
            pool: false,
            queue_wait_max: Duration::from_millis(50),
            ..shed::Config::default()
        }
    );
    assert_eq!(server.concurrency.max, 1000);
    let [writes] = &server.rates[..] else {
        panic!("{:?}", server.rates)
    };
    assert_eq!((writes.name.as_str(), writes.rate), ("writes", 50));
    assert_eq!(writes.key, RateKey::Caller);
    assert_eq!(writes.period, Duration::from_secs(60));
    assert_eq!(server.bulkheads["reports"].max, 2);
    let client = policies.client("x");
    assert_eq!((client.subset.above, client.subset.size), (100, 50));
    assert_eq!(client.zone.spill_below, 0.5);
}

#[test]
fn rules_that_contradict_each_other_are_followed_as_far_as_possible() {
    let policies = policies(
        r#"
        [[policy.rule]]
        match.method = "shop.*"
        breaker.k = 1.2
        [[policy.rule]]
        match.method = "*/Get"
        breaker.k_min = 1.4
        timeout = "1s"
        "#,
    );
    let of = |path| {
        let method = policies.method(Side::Client, Scope::Any, path);
        (
            method.breaker.get().k,
            method.breaker.get().k_min,
            method.timeout,
        )
    };
    assert_eq!(of("/shop.A/Put"), (1.2, 1.1, None));
    assert_eq!(of("/a.B/Get"), (1.5, 1.4, after(1000)));
    assert_eq!(of("/shop.A/Get"), (1.2, 1.1, None));
    let explained = policies.explain(Side::Client, Scope::Any, "/shop.A/Get");
    let k_min = explained.iter().find(|s| s.key == "breaker.k_min").unwrap();
    assert_eq!(k_min.value, "1.1");
}
