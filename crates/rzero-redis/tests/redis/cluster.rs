//! A cluster of three nodes.

use std::time::Duration;

use rzero_harness::RedisCluster;
use rzero_redis::{
    DistributedConcurrency, DistributedPeriod, DistributedRates, LeaseConfig, Redis, Topology,
};
use rzero_resilience::limit::{PeriodConfig, RateKey, RateRule};

use crate::support::{ORDERS, call, config, count, reset_counts, rule, until};

fn slow(name: &str, burst: u32) -> RateRule {
    RateRule {
        period: Duration::from_secs(86_400),
        ..rule(name, 1, burst)
    }
}

async fn connect(cluster: &RedisCluster) -> Redis {
    let mut config = config(cluster.endpoints());
    config.topology = Topology::Cluster;
    Redis::connect("cluster", &config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn limits_hold_on_all_nodes() {
    let mut cluster = RedisCluster::start(3).unwrap();
    let redis = connect(&cluster).await;
    let by_caller = |name, burst| RateRule {
        key: RateKey::Caller,
        ..slow(name, burst)
    };
    let rules = [by_caller("a", 3), by_caller("b", 2), slow("all", 1000)];
    let rates = DistributedRates::new(redis.clone(), &[&ORDERS], &rules).unwrap();
    let rates = rates.with_budget(Duration::from_secs(10));
    for n in 0..30 {
        let caller = format!("caller-{n}");
        for expected in [true, true, false, false] {
            let checked = rates.check(&call(0, &caller)).await.unwrap().unwrap();
            assert_eq!(checked.decision.allowed, expected, "{caller}: {checked:?}");
            assert!(!checked.degraded);
        }
    }
    assert!(rates.stats().iter().all(|rule| rule.degraded == 0));
    cluster.nodes().iter().for_each(reset_counts);
    rates.check(&call(0, "new")).await.unwrap();
    let asked: u64 = cluster
        .nodes()
        .iter()
        .map(|node| count(node, "evalsha"))
        .sum();
    assert!(
        asked <= 3,
        "one for each key, and perhaps one that was new: {asked}"
    );

    let quota = DistributedPeriod::new(redis.clone(), "q:", &PeriodConfig::default()).unwrap();
    let slots = DistributedConcurrency::new(redis, "s", &LeaseConfig::default()).unwrap();
    for n in 0..10 {
        let key = format!("k{n}");
        assert!(quota.take(&key).await.unwrap().is_allowed());
        let _lease = slots.acquire(&key).await.unwrap();
        assert!(slots.acquire(&key).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn a_node_that_dies_is_done_without_until_it_returns() {
    let mut cluster = RedisCluster::start(3).unwrap();
    let rates = DistributedRates::new(connect(&cluster).await, &[], &[slow("r", 5)]).unwrap();
    let rates = rates.with_budget(Duration::from_millis(500));
    cluster.nodes()[0].kill().unwrap();
    let mut n = 0;
    until("a key of the dead node was met", async || {
        n += 1;
        let checked = rates.take("r", &format!("k{n}"), 1).await.unwrap();
        assert!(checked.decision.allowed);
        checked.degraded
    })
    .await;
    cluster.nodes()[0].restart().unwrap();
    until("the node is back", async || !rates.is_degraded()).await;
    until("all keys are counted there", async || {
        n += 1;
        let checked = rates.take("r", &format!("k{n}"), 1).await.unwrap();
        !checked.degraded
    })
    .await;
}
