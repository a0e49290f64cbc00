//! Quotas per period.

use std::time::Duration;

use rzero_core::Class;
use rzero_harness::RedisServer;
use rzero_redis::DistributedPeriod;
use rzero_resilience::limit::{PeriodConfig, PeriodState};

use crate::support::connect;

fn quota(quota: u32) -> PeriodConfig {
    PeriodConfig {
        quota,
        period: Duration::from_secs(3600),
        ..PeriodConfig::default()
    }
}

#[tokio::test]
#[ignore = "needs redis"]
async fn takes_are_allowed_then_hit_then_over() {
    let server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    let limit = DistributedPeriod::new(redis, "quota:", &quota(3)).unwrap();
    let mut states = Vec::new();
    for _ in 0..5 {
        states.push(limit.take("ann").await.unwrap());
    }
    use PeriodState::{Allowed, HitQuota, OverQuota};
    assert_eq!(states, [Allowed, Allowed, HitQuota, OverQuota, OverQuota]);
    assert_eq!(limit.take("bob").await.unwrap(), Allowed);
    let left: u64 = server.cli(&["TTL", "quota:ann"]).unwrap().parse().unwrap();
    assert!((3590..=3600).contains(&left), "{left}");
}

#[tokio::test]
#[ignore = "needs redis"]
async fn services_in_go_count_together_with_ours() {
    let server = RedisServer::start().unwrap();
    // What go-zero's script does.
    assert_eq!(server.cli(&["INCRBY", "quota:ann", "1"]).unwrap(), "1");
    server.cli(&["EXPIRE", "quota:ann", "100"]).unwrap();
    let redis = connect(&server).await;
    let limit = DistributedPeriod::new(redis, "quota:", &quota(2)).unwrap();
    assert_eq!(limit.take("ann").await.unwrap(), PeriodState::HitQuota);
    let left: u64 = server.cli(&["TTL", "quota:ann"]).unwrap().parse().unwrap();
    assert!(left <= 100, "the window is that of the first take: {left}");
}

#[tokio::test]
#[ignore = "needs redis"]
async fn aligned_windows_end_at_multiples_in_local_time() {
    let server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    for (hours, key) in [(0, "utc"), (8, "shanghai"), (-5, "lima")] {
        let daily = PeriodConfig {
            period: Duration::from_secs(86_400),
            align: true,
            utc_offset_seconds: hours * 3600,
            ..PeriodConfig::default()
        };
        let limit = DistributedPeriod::new(redis.clone(), "", &daily).unwrap();
        limit.take(key).await.unwrap();
        let end = server.cli(&["PEXPIRETIME", key]).unwrap();
        let end = end.parse::<i64>().unwrap() / 1000;
        assert_eq!((end + i64::from(hours) * 3600) % 86_400, 0, "{key}");
    }
}

#[tokio::test]
#[ignore = "needs redis"]
async fn what_cannot_be_counted_is_an_error() {
    let mut server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    let finer = PeriodConfig {
        period: Duration::from_millis(1500),
        ..PeriodConfig::default()
    };
    let error = DistributedPeriod::new(redis.clone(), "", &finer).unwrap_err();
    assert!(error.message().starts_with("period:"), "{error:?}");
    let limit = DistributedPeriod::new(redis, "", &quota(1)).unwrap();
    server.kill().unwrap();
    let class = limit.take("ann").await.unwrap_err().class();
    let away = [Class::ConnectFailed, Class::ConnectionLost];
    assert!(away.contains(&class), "{class:?}");
}
