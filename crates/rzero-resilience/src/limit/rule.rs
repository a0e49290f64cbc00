//! Rate limits as data.

use std::time::Duration;

use serde::Deserialize;

use super::{CAPACITY_DEFAULT, Gcra, RateKey, glob};

/// Times are kept in 63 bits of nanoseconds.
const BURST_TIME_MAX: Duration = Duration::from_secs(100 * 366 * 86_400);

/// One rate limit of a service.
///
/// ```
/// # use std::time::Duration;
/// # use rzero_resilience::limit::{RateKey, RateRule};
/// let rule = RateRule {
///     name: "writes".into(),
///     methods: "shop.Orders/Put*".into(),
///     key: RateKey::Caller,
///     rate: 50,
///     burst: 100,
///     ..RateRule::default()
/// };
/// assert!(rule.validate().is_ok());
/// assert_eq!(rule.period, Duration::from_secs(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateRule {
    /// What it is called in messages and metrics; unique among the rules. A reload finds the
    /// state of a rule by its name. No default.
    pub name: String,
    /// Which methods it covers: `*` (default), `package.Service/*`, `package.Service/Get*`. A `*`
    /// stands for any text.
    pub methods: String,
    /// Whose calls count together. Default `all`.
    pub key: RateKey,
    /// How many calls each key may make per `period`; 1 or more. No default.
    pub rate: u32,
    /// The time that `rate` is for; above zero. Default 1 s.
    pub period: Duration,
    /// How many calls each key may make at once; 0, the default, is as many as `rate`.
    pub burst: u32,
    /// How many keys are remembered, 16 bytes each, rounded up to a power of two. A change takes
    /// effect with a new name. Default 65,536; `all` needs no more than 8.
    pub capacity: usize,
    /// Who counts: `local`, the default, is each process for itself; `distributed` is all of them
    /// together, in a store that they share.
    pub scope: RateScope,
    /// What a `distributed` rule does while the shared store is away: `share` (default), `full`,
    /// `allow` or `deny`.
    pub on_error: OnError,
}

/// Who counts the calls of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateScope {
    /// Each process for itself: [`RateLimits`](super::RateLimits).
    #[default]
    Local,
    /// All processes together, in a store that they share. [`RateLimits`](super::RateLimits) leaves
    /// such rules to whoever knows the store.
    Distributed,
}

/// What a distributed rule does while the store that counts is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Each process allows its share: the rate divided by the processes that are alive.
    #[default]
    Share,
    /// Each process allows the whole rate.
    Full,
    /// Everything is allowed.
    Allow,
    /// Nothing is allowed.
    Deny,
}

impl Default for RateRule {
    fn default() -> Self {
        Self {
            name: String::new(),
            methods: "*".to_owned(),
            key: RateKey::All,
            rate: 0,
            period: Duration::from_secs(1),
            burst: 0,
            capacity: CAPACITY_DEFAULT,
            scope: RateScope::Local,
            on_error: OnError::Share,
        }
    }
}

impl RateRule {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the rule, the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        let named = |what: String| format!("rate rule `{}`: {what}", self.name);
        if self.name.is_empty() {
            return Err("rate rule: name: is empty; give each rule a name of its own".to_owned());
        }
        glob::validate(&self.methods).map_err(named)?;
        self.key.validate().map_err(named)?;
        if self.rate == 0 {
            return Err(named(
                "rate: is 0; write how many calls a period has".to_owned(),
            ));
        }
        if self.period.is_zero() {
            return Err(named(
                "period: is 0; write the time the rate is for".to_owned(),
            ));
        }
        if self.burst_time() > BURST_TIME_MAX {
            return Err(named(format!(
                "burst: takes {:?} to earn, which is more than 100 years; lower it or the period",
                self.burst_time()
            )));
        }
        if !(1..=1 << 24).contains(&self.capacity) {
            return Err(named(format!(
                "capacity: {} is not within 1 and 16777216",
                self.capacity
            )));
        }
        Ok(())
    }

    pub(super) fn gcra(&self) -> Gcra {
        Gcra::new(self.rate, self.period, self.burst())
    }

    /// How many calls each key may make at once: `burst`, or `rate` where that is 0.
    #[must_use]
    pub fn burst(&self) -> u32 {
        if self.burst == 0 {
            self.rate
        } else {
            self.burst
        }
    }

    /// How long it takes until a burst may be made again.
    fn burst_time(&self) -> Duration {
        (self.period / self.rate.max(1)).saturating_mul(self.burst())
    }

    /// Keys that the rule can have: there is no use in remembering more.
    pub(super) fn capacity(&self) -> usize {
        match self.key {
            RateKey::All => 1,
            _ => self.capacity,
        }
    }
}
