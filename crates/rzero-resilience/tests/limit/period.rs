use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use rzero_resilience::limit::{PeriodConfig, PeriodLimit, PeriodState};
use tokio::time::Instant;

use crate::support::ms;

const DAY: Duration = Duration::from_secs(86_400);

fn config(quota: u32, period: Duration) -> PeriodConfig {
    PeriodConfig {
        quota,
        period,
        ..PeriodConfig::default()
    }
}

fn aligned(period: Duration, utc_offset_seconds: i32) -> PeriodConfig {
    PeriodConfig {
        align: true,
        utc_offset_seconds,
        ..config(1, period)
    }
}

fn start(config: &PeriodConfig, now: Instant, unix: u64) -> PeriodLimit {
    let wall: SystemTime = UNIX_EPOCH + Duration::from_secs(unix);
    PeriodLimit::starting(config, now, wall).unwrap()
}

#[test]
fn the_last_of_a_quota_hits_it() {
    use PeriodState::{Allowed, HitQuota, OverQuota};
    let now = Instant::now();
    let limit = start(&config(3, ms(1_000)), now, 0);
    let states: Vec<_> = (0..5).map(|_| limit.take("ann", now)).collect();
    assert_eq!(states, [Allowed, Allowed, HitQuota, OverQuota, OverQuota]);
    assert_eq!(limit.take("bob", now), Allowed);
}

#[test]
fn a_window_begins_with_the_first_take() {
    let now = Instant::now();
    let limit = start(&config(1, ms(1_000)), now, 0);
    assert!(limit.take("ann", now + ms(700)).is_allowed());
    assert_eq!(limit.reset_after("ann", now + ms(900)), ms(800));
    assert!(!limit.take("ann", now + ms(1_699)).is_allowed());
    assert!(limit.take("ann", now + ms(1_700)).is_allowed());
}

#[test]
fn aligned_days_begin_at_local_midnight() {
    // 1970-01-03 22:30 UTC is 00:30 on the 4th at UTC+2, and 17:30 on the 3rd at UTC-5.
    let unix = 2 * 86_400 + 22 * 3600 + 1800;
    let now = Instant::now();
    for (offset, hours_left) in [(7_200, 23.5), (0, 1.5), (-18_000, 6.5)] {
        let limit = start(&aligned(DAY, offset), now, unix);
        let left = Duration::from_secs_f64(hours_left * 3600.0);
        assert!(limit.take("ann", now).is_allowed());
        assert_eq!(limit.reset_after("ann", now), left);
        assert!(!limit.take("ann", now + left - ms(1)).is_allowed());
        assert!(limit.take("ann", now + left).is_allowed());
        assert_eq!(limit.reset_after("ann", now + left), DAY);
    }
}

#[test]
fn a_new_quota_keeps_the_counts() {
    let now = Instant::now();
    let limit = start(&config(2, ms(1_000)), now, 0);
    assert_eq!(limit.take("ann", now), PeriodState::Allowed);
    assert_eq!(limit.take("ann", now), PeriodState::HitQuota);
    limit.reconfigure(3).unwrap();
    assert_eq!(limit.take("ann", now), PeriodState::HitQuota);
    limit.reconfigure(1).unwrap();
    assert_eq!(limit.take("ann", now), PeriodState::OverQuota);
    assert!(limit.reconfigure(0).unwrap_err().starts_with("quota:"));
}

#[test]
fn bad_settings_are_named() {
    assert!(
        config(0, ms(1))
            .validate()
            .unwrap_err()
            .starts_with("quota:")
    );
    assert!(
        config(1 << 24, ms(1))
            .validate()
            .unwrap_err()
            .starts_with("quota:")
    );
    assert!(
        config(1, ms(0))
            .validate()
            .unwrap_err()
            .starts_with("period:")
    );
    let half = Duration::from_micros(500);
    assert!(
        config(1, half)
            .validate()
            .unwrap_err()
            .starts_with("period:")
    );
    assert!(
        aligned(DAY, 90_000)
            .validate()
            .unwrap_err()
            .starts_with("utc_offset_seconds:")
    );
}

proptest! {
    #[test]
    fn counts_as_a_counter_that_expires(
        quota in 1_u32..6, gaps in prop::collection::vec(0_u64..400, 1..200),
    ) {
        let mut now = Instant::now();
        let limit = start(&config(quota, ms(1_000)), now, 0);
        let (mut count, mut expires) = (0, now);
        for gap in gaps {
            now += ms(gap);
            if now >= expires {
                (count, expires) = (0, now + ms(1_000));
            }
            count += 1;
            let expected = match count.cmp(&quota) {
                std::cmp::Ordering::Less => PeriodState::Allowed,
                std::cmp::Ordering::Equal => PeriodState::HitQuota,
                std::cmp::Ordering::Greater => PeriodState::OverQuota,
            };
            prop_assert_eq!(limit.take("k", now), expected);
        }
    }
}
