use proptest::prelude::*;
use rzero_resilience::limit::{SlidingLog, SlidingLogConfig};
use tokio::time::Instant;

use crate::support::ms;

fn log(quota: u32, capacity: usize) -> SlidingLog {
    let config = SlidingLogConfig {
        quota,
        period: ms(1_000),
        capacity,
    };
    SlidingLog::new(&config).unwrap()
}

proptest! {
    #[test]
    fn any_window_holds_the_quota_and_no_take_is_refused_for_less(
        quota in 1_u32..6, gaps in prop::collection::vec(0_u64..500, 1..200),
    ) {
        let log = log(quota, 64);
        let mut now = Instant::now();
        let mut taken: Vec<Instant> = Vec::new();
        for gap in gaps {
            now += ms(gap);
            let recent = taken.iter().filter(|at| now - **at < ms(1_000)).count();
            let decision = log.take("k", now);
            prop_assert_eq!(decision.allowed, recent < quota as usize);
            if decision.allowed {
                taken.push(now);
            } else {
                let oldest = taken[taken.len() - quota as usize];
                prop_assert_eq!(now + decision.retry_after, oldest + ms(1_000));
            }
        }
    }
}

#[test]
fn the_key_that_rests_longest_makes_room() {
    let now = Instant::now();
    let log = log(1, 8);
    for key in 0..8_u64 {
        assert!(log.take(&key, now + ms(key)).allowed);
    }
    let now = now + ms(10);
    assert!(log.take(&8_u64, now).allowed);
    assert!((1..9_u64).all(|key| !log.take(&key, now).allowed));
    assert!(log.take(&0_u64, now).allowed);
}

#[test]
fn a_clock_behind_wins_nothing() {
    let now = Instant::now();
    let log = log(2, 8);
    assert!(log.take("k", now + ms(100)).allowed);
    assert!(log.take("k", now).allowed);
    assert!(!log.take("k", now + ms(1_099)).allowed);
    assert!(log.take("k", now + ms(1_100)).allowed);
}

#[test]
fn bad_settings_are_named() {
    let error = |change: fn(&mut SlidingLogConfig)| {
        let mut config = SlidingLogConfig::default();
        change(&mut config);
        SlidingLog::new(&config).unwrap_err()
    };
    assert!(error(|c| c.quota = 0).starts_with("quota:"));
    assert!(error(|c| c.quota = 1025).starts_with("quota:"));
    assert!(error(|c| c.period = ms(0)).starts_with("period:"));
    assert!(error(|c| c.capacity = 0).starts_with("capacity:"));
}
