//! A log of the last takes: exact in every window, at the price of a time for each.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::gcra::Decision;

const WAYS: usize = 8;
const QUOTA_MAX: u32 = 1024;

/// Settings of a [`SlidingLog`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlidingLogConfig {
    /// How many takes any window of `period` may hold, 1 to 1,024; memory is 16 bytes times this
    /// for each key. Default 10.
    pub quota: u32,
    /// Length of the window; above zero. Default 60 s.
    pub period: Duration,
    /// How many keys are remembered. Default 8,192.
    pub capacity: usize,
}

impl Default for SlidingLogConfig {
    fn default() -> Self {
        Self {
            quota: 10,
            period: Duration::from_secs(60),
            capacity: 8192,
        }
    }
}

impl SlidingLogConfig {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        if !(1..=QUOTA_MAX).contains(&self.quota) {
            return Err(format!(
                "quota: {} is not within 1 and {QUOTA_MAX}; take a rate limit for more",
                self.quota
            ));
        }
        if self.period.is_zero() {
            return Err("period: is 0; write the length of the window".to_owned());
        }
        if !(1..=1 << 20).contains(&self.capacity) {
            return Err(format!(
                "capacity: {} is not within 1 and 1048576",
                self.capacity
            ));
        }
        Ok(())
    }
}

/// At most `quota` takes in *any* window of `period`, for each of many keys.
///
/// For small quotas that must hold exactly, such as five attempts to log in per ten minutes. A key
/// is looked up under a short lock that it shares with seven others; where there is no room, the
/// key whose last take is longest ago is forgotten.
///
/// ```
/// # use std::time::Duration;
/// # use rzero_resilience::limit::{SlidingLog, SlidingLogConfig};
/// # use tokio::time::Instant;
/// let config = SlidingLogConfig { quota: 1, period: Duration::from_secs(5), ..Default::default() };
/// let log = SlidingLog::new(&config).unwrap();
/// let now = Instant::now();
/// assert!(log.take("ann", now).allowed);
/// assert_eq!(log.take("ann", now).retry_after, Duration::from_secs(5));
/// assert!(log.take("ann", now + Duration::from_secs(5)).allowed);
/// ```
#[derive(Debug)]
pub struct SlidingLog {
    buckets: Box<[Mutex<Vec<Entry>>]>,
    hasher: RandomState,
    quota: usize,
    period: Duration,
}

#[derive(Debug)]
struct Entry {
    name: u64,
    /// Times of the last takes, oldest first; as many as the quota at most.
    takes: VecDeque<Instant>,
}

impl SlidingLog {
    /// A log without takes.
    ///
    /// # Errors
    /// What [`SlidingLogConfig::validate`] says.
    pub fn new(config: &SlidingLogConfig) -> Result<Self, String> {
        config.validate()?;
        let buckets = config.capacity.div_ceil(WAYS);
        Ok(Self {
            buckets: (0..buckets).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            quota: config.quota as usize,
            period: config.period,
        })
    }

    /// Takes one of the quota of `key`, if there is one. A refused take is not counted.
    pub fn take(&self, key: &(impl Hash + ?Sized), now: Instant) -> Decision {
        let name = self.hasher.hash_one(key);
        let at = usize::try_from(name % self.buckets.len() as u64).expect("below a length");
        let mut bucket = self.buckets[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let takes = find(&mut bucket, name);
        // What a thread with a later clock has logged is not older than now.
        let past = |at: &Instant| now.saturating_duration_since(*at) >= self.period;
        while takes.front().is_some_and(past) {
            takes.pop_front();
        }
        let allowed = takes.len() < self.quota;
        if allowed {
            let now = takes.back().map_or(now, |last| now.max(*last));
            takes.push_back(now);
        }
        self.decision(takes, now, allowed)
    }

    fn decision(&self, takes: &VecDeque<Instant>, now: Instant, allowed: bool) -> Decision {
        let left = |at: Option<&Instant>| {
            at.map_or(Duration::ZERO, |at| {
                (*at + self.period).saturating_duration_since(now)
            })
        };
        Decision {
            allowed,
            remaining: (self.quota - takes.len()) as u64,
            retry_after: match allowed {
                true => Duration::ZERO,
                false => left(takes.front()),
            },
            reset_after: left(takes.back()),
        }
    }
}

/// The log of a key, in the place of the one that rests longest when there is no other.
fn find(bucket: &mut Vec<Entry>, name: u64) -> &mut VecDeque<Instant> {
    let at = bucket.iter().position(|entry| entry.name == name);
    let at = at.unwrap_or_else(|| {
        let takes = VecDeque::new();
        if bucket.len() < WAYS {
            bucket.push(Entry { name, takes });
            return bucket.len() - 1;
        }
        let entries = bucket.iter().enumerate();
        let idlest = entries.min_by_key(|(_, entry)| entry.takes.back().copied());
        let at = idlest.map_or(0, |(at, _)| at);
        bucket[at] = Entry { name, takes };
        at
    });
    &mut bucket[at].takes
}
