//! Rates, as the server counts them.

use std::time::Duration;

use rzero_core::{Class, Error};
use rzero_harness::RedisServer;
use rzero_redis::{Checked, DistributedRates};
use rzero_resilience::limit::{RateKey, RateRule, RateScope, SharedRates};
use tokio::task::yield_now;
use tokio::time::{Instant, advance};

use crate::support::{
    ORDERS, call, clock_micros, connect, count, ms, reset_counts, rule, with_time_left,
};

async fn rates(server: &RedisServer, rules: &[RateRule]) -> DistributedRates {
    let rates = DistributedRates::new(connect(server).await, &[&ORDERS], rules).unwrap();
    // No test is about a slow machine.
    rates.with_budget(Duration::from_secs(10))
}

async fn take(rates: &DistributedRates, rule: &str, key: &str) -> Checked {
    let checked = rates.take(rule, key, 1).await.unwrap();
    assert!(!checked.degraded);
    checked
}

async fn allowed(rates: &DistributedRates, rule: &str, key: &str, times: usize) -> usize {
    let mut allowed = 0;
    for _ in 0..times {
        allowed += usize::from(take(rates, rule, key).await.decision.allowed);
    }
    allowed
}

/// A rule whose tokens come too slowly to be seen in a test.
fn slow(name: &str, burst: u32) -> RateRule {
    RateRule {
        period: Duration::from_secs(86_400),
        ..rule(name, 1, burst)
    }
}

#[tokio::test]
#[ignore = "needs redis"]
async fn processes_share_one_burst() {
    let server = RedisServer::start().unwrap();
    let one = rates(&server, &[slow("r", 10)]).await;
    let other = rates(&server, &[slow("r", 10)]).await;
    assert_eq!(allowed(&one, "r", "ann", 7).await, 7);
    let last = take(&other, "r", "ann").await;
    assert_eq!((last.decision.allowed, last.decision.remaining), (true, 2));
    assert_eq!(allowed(&other, "r", "ann", 7).await, 2);
    assert_eq!(allowed(&one, "r", "bob", 12).await, 10);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn many_at_once_win_no_more_than_the_burst() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[slow("r", 100)]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let rates = rates.clone();
        tasks.spawn(async move { allowed(&rates, "r", "k", 50).await });
    }
    assert_eq!(tasks.join_all().await.iter().sum::<usize>(), 100);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn one_at_once_at_a_thousand_a_second_is_counted() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[rule("r", 1000, 1)]).await;
    let start = clock_micros(&server);
    let mut allowed = 0;
    for _ in 0..500 {
        let checked = take(&rates, "r", "k").await;
        allowed += u64::from(checked.decision.allowed);
        assert!(checked.decision.retry_after <= ms(1));
        assert!(checked.decision.reset_after <= ms(1));
    }
    let passed = clock_micros(&server) - start;
    assert!(allowed <= 1 + passed / 1000, "{allowed} in {passed} us");
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_decision_is_one_round_trip() {
    let server = RedisServer::start().unwrap();
    let rules = [slow("r", 10), slow("s", 5)];
    let rates = rates(&server, &rules).await;
    take(&rates, "r", "k").await; // the script is known from here on
    reset_counts(&server);
    for n in 0..100 {
        take(&rates, "r", &format!("k{n}")).await;
    }
    assert_eq!(count(&server, "evalsha"), 100);
    // Two rules with keys of their own too.
    rates.check(&call(0, "ann")).await.unwrap();
    assert_eq!(count(&server, "evalsha"), 101);
    assert_eq!(
        (count(&server, "eval"), count(&server, "script|load")),
        (0, 0)
    );
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_flush_of_scripts_is_survived() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[slow("r", 10)]).await;
    assert_eq!(allowed(&rates, "r", "k", 4).await, 4);
    server.cli(&["SCRIPT", "FLUSH"]).unwrap();
    assert_eq!(allowed(&rates, "r", "k", 10).await, 6);
}

/// Waits without ever being idle, so that a paused clock stands still.
async fn busy<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        output = work => output,
        () = async { loop { yield_now().await } } => unreachable!("it has no end"),
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis"]
async fn an_hour_on_the_clock_of_a_client_changes_nothing() {
    let server = RedisServer::start().unwrap();
    let hourly = RateRule {
        period: Duration::from_secs(3600),
        ..rule("r", 5, 5)
    };
    let rates = busy(rates(&server, &[hourly])).await;
    assert_eq!(busy(allowed(&rates, "r", "k", 9)).await, 5);
    advance(Duration::from_secs(3600)).await;
    assert_eq!(busy(allowed(&rates, "r", "k", 9)).await, 0);
    assert!(!rates.is_degraded());
}

#[tokio::test]
#[ignore = "needs redis"]
async fn calls_are_counted_by_rules_and_keys() {
    let server = RedisServer::start().unwrap();
    let writes = RateRule {
        methods: "shop.Orders/P*".into(),
        key: RateKey::Caller,
        ..slow("writes", 2)
    };
    let own = RateRule {
        scope: RateScope::Local,
        ..slow("local", 1)
    };
    let rates = rates(&server, &[writes, own]).await;
    for _ in 0..2 {
        rates.admit(&call(1, "ann")).await.unwrap();
        rates.admit(&call(0, "ann")).await.unwrap();
    }
    let refused: Error = rates.admit(&call(1, "ann")).await.unwrap_err();
    assert_eq!(refused.class(), Class::RateLimited);
    assert!(refused.retry_after().unwrap() > Duration::from_secs(80_000));
    rates.admit(&call(1, "bob")).await.unwrap();
    assert_eq!(rates.check(&call(0, "ann")).await.unwrap(), None);
    let shared: &dyn SharedRates = &rates;
    assert!(!shared.covers(call(0, "ann").method()) && shared.covers(call(1, "ann").method()));
    assert!(shared.admit(&call(1, "ann")).await.is_err());
    assert_eq!(server.cli(&["EXISTS", "rz:lim:writes:{ann}"]).unwrap(), "1");
    let stats = rates.stats();
    assert_eq!(stats.len(), 1);
    assert_eq!(
        (stats[0].asked, stats[0].refused, stats[0].degraded),
        (5, 2, 0)
    );
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_call_refused_by_one_rule_is_counted_by_none() {
    let server = RedisServer::start().unwrap();
    let narrow = RateRule {
        key: RateKey::Caller,
        ..slow("narrow", 1)
    };
    let rates = rates(&server, &[slow("wide", 3), narrow]).await;
    rates.admit(&call(0, "ann")).await.unwrap();
    for _ in 0..5 {
        let checked = rates.check(&call(0, "ann")).await.unwrap().unwrap();
        assert_eq!(
            (checked.rule.as_str(), checked.decision.allowed),
            ("narrow", false)
        );
    }
    rates.admit(&call(0, "bob")).await.unwrap();
    rates.admit(&call(0, "cat")).await.unwrap();
    let refused = rates.check(&call(0, "dan")).await.unwrap().unwrap();
    assert_eq!(
        (refused.rule.as_str(), refused.decision.allowed),
        ("wide", false)
    );
}

#[tokio::test]
#[ignore = "needs redis"]
async fn more_than_a_burst_is_never_allowed() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[slow("r", 10)]).await;
    let checked = rates.take("r", "k", 11).await.unwrap();
    assert!(!checked.decision.allowed);
    assert_eq!(checked.decision.retry_after, Duration::MAX);
    assert_eq!(checked.refusal().retry_after(), None);
    assert!(rates.take("r", "k", 10).await.unwrap().decision.allowed);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_reload_keeps_what_was_used() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[slow("r", 10)]).await;
    assert_eq!(allowed(&rates, "r", "k", 10).await, 10);
    rates.reconfigure(&[slow("r", 4)], Instant::now()).unwrap();
    assert_eq!(allowed(&rates, "r", "k", 5).await, 0);
    let error = rates
        .reconfigure(&[slow("", 4)], Instant::now())
        .unwrap_err();
    assert!(error.message().contains("name"), "{error:?}");
    assert_eq!(rates.stats()[0].asked, 15);
    rates.reconfigure(&[], Instant::now()).unwrap();
    assert!(rates.is_empty());
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_caller_without_time_is_refused_and_counted_nowhere() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[slow("r", 10)]).await;
    let late = with_time_left(ms(0), rates.take("r", "k", 1)).await;
    assert_eq!(late.unwrap_err().class(), Class::DeadlineExceeded);
    let mut expired = call(0, "ann");
    expired.set_deadline(Some(Instant::now()));
    let late = rates.admit(&expired).await;
    assert_eq!(late.unwrap_err().class(), Class::DeadlineExceeded);
    server.pause().unwrap();
    // Its time ends before that of the decision: nothing is known about Redis.
    let late = with_time_left(ms(20), rates.take("r", "k", 1)).await;
    assert_eq!(late.unwrap_err().class(), Class::DeadlineExceeded);
    server.resume().unwrap();
    assert!(!rates.is_degraded());
    assert_eq!(rates.stats()[0].asked, 0);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn an_unknown_rule_is_named() {
    let server = RedisServer::start().unwrap();
    let rates = rates(&server, &[]).await;
    let error = rates.take("nope", "k", 1).await.unwrap_err();
    assert!(error.message().contains("`nope`"), "{error:?}");
}
