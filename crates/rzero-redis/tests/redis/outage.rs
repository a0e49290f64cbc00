//! Rates while Redis is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rzero_harness::RedisServer;
use rzero_redis::{DistributedRates, Redis};
use rzero_resilience::limit::{OnError, RateRule};
use tokio::time::advance;

use crate::support::{config, connect, ms, rule, until};

/// Limits on a Redis that is not there.
fn alone(server: &RedisServer, rule: &RateRule, replicas: usize) -> DistributedRates {
    let redis = Redis::new("test", &config(vec![server.endpoint()])).unwrap();
    let rates = DistributedRates::new(redis, &[], std::slice::from_ref(rule)).unwrap();
    rates.with_replicas(move || replicas)
}

fn dead_server() -> RedisServer {
    let mut server = RedisServer::start().unwrap();
    server.kill().unwrap();
    server
}

/// Asks until it is refused; how many were allowed.
async fn drain(rates: &DistributedRates, most: usize) -> usize {
    for allowed in 0..most {
        let checked = rates.take("r", "k", 1).await.unwrap();
        assert!(checked.degraded);
        if !checked.decision.allowed {
            return allowed;
        }
    }
    most
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis"]
async fn processes_alone_keep_the_limit_together() {
    let server = dead_server();
    let shared = rule("r", 100, 20);
    let processes: Vec<_> = (0..4).map(|_| alone(&server, &shared, 4)).collect();
    let mut total = 0;
    for process in &processes {
        total += drain(process, 1000).await;
    }
    let seconds = 60;
    for _ in 0..seconds * 50 {
        advance(ms(20)).await;
        for process in &processes {
            total += drain(process, 1000).await;
        }
    }
    // Waiting for the first answers let some time pass, which only the paused clock knows.
    let limit = 20 + 100 * seconds;
    let off = total.abs_diff(limit);
    assert!(off * 10 <= limit, "{total} of {limit}");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis"]
async fn rules_say_what_is_allowed_alone() {
    let server = dead_server();
    for (on_error, expected) in [
        (OnError::Share, 5),
        (OnError::Full, 20),
        (OnError::Allow, 100),
        (OnError::Deny, 0),
    ] {
        let slow = RateRule {
            period: Duration::from_secs(86_400),
            on_error,
            ..rule("r", 1, 20)
        };
        let rates = alone(&server, &slow, 4);
        assert_eq!(drain(&rates, 100).await, expected, "{on_error:?}");
        let stats = &rates.stats()[0];
        assert_eq!(stats.degraded, stats.asked);
    }
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_restarted_redis_counts_again() {
    let mut server = RedisServer::start().unwrap();
    let slow = RateRule {
        period: Duration::from_secs(86_400),
        ..rule("r", 1, 20)
    };
    let rates = DistributedRates::new(connect(&server).await, &[], &[slow]).unwrap();
    // A server that is gone refuses at once; the budget is for a slow machine.
    let rates = rates.with_budget(ms(10_000));
    let first = rates.take("r", "k", 1).await.unwrap();
    assert!(first.decision.allowed);
    server.kill().unwrap();
    let alone = rates.take("r", "k", 1).await.unwrap();
    assert!(alone.degraded && alone.decision.allowed && rates.is_degraded());
    server.restart().unwrap();
    until("it is back", async || !rates.is_degraded()).await;
    let again = rates.take("r", "k", 1).await.unwrap();
    assert!(!again.degraded);
    assert_eq!(again.decision.remaining, 19);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_hung_redis_is_not_waited_for() {
    let server = RedisServer::start().unwrap();
    let rates = DistributedRates::new(connect(&server).await, &[], &[rule("r", 100, 20)]).unwrap();
    server.pause().unwrap();
    let alone = rates.take("r", "k", 1).await.unwrap();
    assert!(alone.degraded && rates.is_degraded());
    server.resume().unwrap();
    until("it is back", async || !rates.is_degraded()).await;
}

#[tokio::test]
#[ignore = "needs redis"]
async fn shares_follow_the_processes_that_are_alive() {
    let server = dead_server();
    let slow = RateRule {
        period: Duration::from_secs(86_400),
        ..rule("r", 1, 20)
    };
    let replicas = Arc::new(AtomicUsize::new(10));
    let redis = Redis::new("test", &config(vec![server.endpoint()])).unwrap();
    let rates = DistributedRates::new(redis, &[], &[slow]).unwrap();
    let hook = Arc::clone(&replicas);
    let rates = rates.with_replicas(move || hook.load(Ordering::Relaxed));
    assert_eq!(drain(&rates, 100).await, 2);
    replicas.store(2, Ordering::Relaxed);
    // 20 among 2: a key that has used nothing yet gets 10.
    let mut key = 0;
    until("the share has grown", async || {
        key += 1;
        let key = format!("fresh-{key}");
        let checked = rates.take("r", &key, 1).await.unwrap();
        checked.degraded && checked.decision.remaining == 9
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis"]
async fn limits_that_are_dropped_stop_watching() {
    let server = dead_server();
    let rates = alone(&server, &rule("r", 100, 20), 1);
    drain(&rates, 1).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    assert!(metrics.num_alive_tasks() > 0);
    drop(rates);
    until("no task is left", async || metrics.num_alive_tasks() == 0).await;
}
