//! A quota per period, as go-zero's `PeriodLimit` counts it.
//!
//! A fixed window: it begins with the first take of a key, or at local-time multiples of the period
//! when it is aligned (so that a quota per day is one per calendar day). At the edge of a window a
//! key may take two quotas in a short time; where that matters take [`Gcra`](super::Gcra) or
//! [`SlidingLog`](super::SlidingLog).

use std::hash::Hash;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tokio::time::Instant;

use super::CAPACITY_DEFAULT;
use super::epoch::Epoch;
use super::keyed::{Keyed, Update};

/// Bits of a state that hold the count; those above hold the end of the window in milliseconds
/// since the limit began, enough for 34 years.
const COUNT_BITS: u32 = 24;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

/// Settings of a [`PeriodLimit`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeriodConfig {
    /// How much each key may take in a period; 1 to 16,777,215. Default 100.
    pub quota: u32,
    /// Length of the period; at least 1 ms, whole milliseconds. Default 60 s.
    pub period: Duration,
    /// Whether windows begin at local-time multiples of the period instead of at the first take.
    /// Default no.
    pub align: bool,
    /// Seconds that local time is ahead of UTC, for `align`; within a day. Default 0.
    pub utc_offset_seconds: i32,
    /// How many keys are remembered, 16 bytes each. Default 65,536.
    pub capacity: usize,
}

impl Default for PeriodConfig {
    fn default() -> Self {
        Self {
            quota: 100,
            period: Duration::from_secs(60),
            align: false,
            utc_offset_seconds: 0,
            capacity: CAPACITY_DEFAULT,
        }
    }
}

impl PeriodConfig {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        if !(1..=COUNT_MAX).contains(&self.quota) {
            return Err(format!(
                "quota: {} is not within 1 and {COUNT_MAX}",
                self.quota
            ));
        }
        let whole = self.period.subsec_nanos().is_multiple_of(1_000_000);
        if self.period.is_zero() || !whole || self.period > Duration::from_secs(366 * 86_400) {
            return Err(format!(
                "period: {:?} is not whole milliseconds within 1 ms and 366 days",
                self.period
            ));
        }
        if self.utc_offset_seconds.abs() > 86_400 {
            return Err(format!(
                "utc_offset_seconds: {} is more than a day",
                self.utc_offset_seconds
            ));
        }
        if !(1..=1 << 24).contains(&self.capacity) {
            return Err(format!(
                "capacity: {} is not within 1 and 16777216",
                self.capacity
            ));
        }
        Ok(())
    }
}

/// What became of a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeriodState {
    /// Within the quota.
    Allowed,
    /// Within the quota, and it was the last one of this period.
    HitQuota,
    /// The quota is used up.
    OverQuota,
}

impl PeriodState {
    /// Whether the take was within the quota.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        !matches!(self, Self::OverQuota)
    }
}

/// A quota per period for each of many keys, in this process.
///
/// ```
/// # use rzero_resilience::limit::{PeriodConfig, PeriodLimit, PeriodState};
/// # use tokio::time::Instant;
/// let two = PeriodConfig { quota: 2, ..PeriodConfig::default() };
/// let limit = PeriodLimit::new(&two).unwrap();
/// let now = Instant::now();
/// assert_eq!(limit.take("ann", now), PeriodState::Allowed);
/// assert_eq!(limit.take("ann", now), PeriodState::HitQuota);
/// assert_eq!(limit.take("ann", now), PeriodState::OverQuota);
/// ```
#[derive(Debug)]
pub struct PeriodLimit {
    quota: AtomicU32,
    period_ms: u64,
    /// Local time of the epoch in milliseconds since 1970, when windows are aligned.
    local_ms: Option<u64>,
    epoch: Epoch,
    keys: Keyed,
}

impl PeriodLimit {
    /// A limit that begins now.
    ///
    /// The wall clock is read here and not again: when it is set later, windows stay where they
    /// are, and nobody wins a quota.
    ///
    /// # Errors
    /// What [`PeriodConfig::validate`] says.
    pub fn new(config: &PeriodConfig) -> Result<Self, String> {
        Self::starting(config, Instant::now(), SystemTime::now())
    }

    /// A limit that begins at `now`, which is `wall` on the wall clock.
    ///
    /// # Errors
    /// What [`PeriodConfig::validate`] says.
    pub fn starting(config: &PeriodConfig, now: Instant, wall: SystemTime) -> Result<Self, String> {
        config.validate()?;
        let unix = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let offset = i64::from(config.utc_offset_seconds) * 1000;
        let local = millis(unix).saturating_add_signed(offset);
        Ok(Self {
            quota: AtomicU32::new(config.quota),
            period_ms: millis(config.period),
            local_ms: config.align.then_some(local),
            epoch: Epoch::at(now),
            keys: Keyed::new(config.capacity),
        })
    }

    /// Takes one of the quota of `key`.
    pub fn take(&self, key: &(impl Hash + ?Sized), now: Instant) -> PeriodState {
        let now = self.epoch.nanos(now) / 1_000_000;
        let idle = ((now + 1) << COUNT_BITS) - 1;
        let quota = u64::from(self.quota.load(Ordering::Relaxed));
        self.keys.update(self.keys.name(key), idle, |state| {
            // A window that ends now has ended.
            let (end, count) = match state > idle {
                true => (state >> COUNT_BITS, state & u64::from(COUNT_MAX)),
                false => (self.window_end(now), 0),
            };
            Update {
                next: (count < quota).then_some((end << COUNT_BITS) | (count + 1)),
                result: match count + 1 {
                    n if n < quota => PeriodState::Allowed,
                    n if n == quota => PeriodState::HitQuota,
                    _ => PeriodState::OverQuota,
                },
            }
        })
    }

    /// When the current window of `key` ends, as time from `now`; zero when it has none.
    #[must_use]
    pub fn reset_after(&self, key: &(impl Hash + ?Sized), now: Instant) -> Duration {
        let end = self.keys.state(self.keys.name(key)) >> COUNT_BITS;
        Duration::from_millis(end.saturating_sub(self.epoch.nanos(now) / 1_000_000))
    }

    /// Changes the quota; windows and counts stay.
    ///
    /// # Errors
    /// When it is 0 or too large.
    pub fn reconfigure(&self, quota: u32) -> Result<(), String> {
        let config = PeriodConfig {
            quota,
            ..PeriodConfig::default()
        };
        config.validate()?;
        self.quota.store(quota, Ordering::Relaxed);
        Ok(())
    }

    fn window_end(&self, now: u64) -> u64 {
        let Some(epoch) = self.local_ms else {
            return now + self.period_ms;
        };
        let local = epoch + now;
        now + self.period_ms - local % self.period_ms
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
