//! What an operator may say about a breaker.

use std::fmt;
use std::time::Duration;

use rzero_core::{Class, Code};
use serde::Deserialize;

/// Which errors count as failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Codes {
    /// The breaker column of the error table ([`Class::counts_for_breaker`]): what the callee or
    /// the way to it did wrong.
    #[default]
    Spec,
    /// go-zero's list of gRPC codes: `DeadlineExceeded`, `Internal`, `Unavailable`, `DataLoss`,
    /// `Unimplemented`, `ResourceExhausted`.
    GoZero,
}

impl Codes {
    /// Whether an error of `class` is a failure. A caller that left never is one.
    #[must_use]
    pub const fn counts(self, class: Class) -> bool {
        match self {
            Self::Spec => class.counts_for_breaker(),
            Self::GoZero => matches!(
                class.code(),
                Code::DeadlineExceeded
                    | Code::Internal
                    | Code::Unavailable
                    | Code::DataLoss
                    | Code::Unimplemented
                    | Code::ResourceExhausted
            ),
        }
    }
}

/// How a breaker judges. The defaults are go-zero's constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Whether the breaker works at all; `false` lets everything pass and counts nothing. Default
    /// `true`.
    pub enabled: bool,
    /// How far back it looks: 10 ms to 1 hour. Default 10 s.
    pub window: Duration,
    /// Into how many buckets the window is cut, which is how coarsely it forgets: 2 to 1000, each
    /// at least 1 ms long. Default 40.
    pub buckets: u32,
    /// How many calls are let through for each one that succeeded, 1 to 100: at 1.5 the breaker
    /// throttles when more than a third fails. Default 1.5.
    pub k: f64,
    /// What `k` falls to while bucket after bucket holds failures alone, 1 to `k`. Default 1.1.
    pub k_min: f64,
    /// So many calls in the window never make it throttle. Default 5.
    pub protection: u32,
    /// While it rejects, one call passes whatever the window says after so long without a pass;
    /// each success halves the time and a failure restores it. 1 ms to 1 minute. Default 1 s.
    pub forced_pass: Duration,
    /// An answer that took longer is slow; `None` turns the rule for slow calls off. At least
    /// 1 ms. Default `None`.
    pub slow_ms: Option<u64>,
    /// When more than this share of the window's answers is slow, slow ones count as failures:
    /// above 0, at most 1. Default 0.5.
    pub slow_ratio: f64,
    /// Which errors count as failures. Default [`Codes::Spec`].
    pub codes: Codes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            window: Duration::from_secs(10),
            buckets: 40,
            k: 1.5,
            k_min: 1.1,
            protection: 5,
            forced_pass: Duration::from_secs(1),
            slow_ms: None,
            slow_ratio: 0.5,
            codes: Codes::Spec,
        }
    }
}

impl Config {
    /// Checks that the values make sense together.
    ///
    /// # Errors
    /// The first key that does not, and what to write instead.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let refuse = |key, fix| Err(InvalidConfig { key, fix });
        let within = |what: Duration, low, high| {
            what >= Duration::from_millis(low) && what <= Duration::from_secs(high)
        };
        if !within(self.window, 10, 3600) {
            return refuse("window", "write 10 ms to 1 hour");
        }
        if !(2..=1000).contains(&self.buckets) {
            return refuse("buckets", "write 2 to 1000");
        }
        if self.window / self.buckets < Duration::from_millis(1) {
            return refuse("buckets", "write fewer, so that each is at least 1 ms long");
        }
        if !(1.0..=100.0).contains(&self.k) {
            return refuse("k", "write 1 to 100");
        }
        if !(self.k_min >= 1.0 && self.k_min <= self.k) {
            return refuse("k_min", "write 1 to the value of `k`");
        }
        if !within(self.forced_pass, 1, 60) {
            return refuse("forced_pass", "write 1 ms to 1 minute");
        }
        if self.slow_ms == Some(0) {
            return refuse("slow_ms", "write at least 1, or leave it out");
        }
        if !(self.slow_ratio > 0.0 && self.slow_ratio <= 1.0) {
            return refuse("slow_ratio", "write more than 0 and at most 1");
        }
        Ok(())
    }
}

/// A [`Config`] that was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings(Config);

impl Settings {
    /// The values.
    #[must_use]
    pub const fn get(&self) -> &Config {
        &self.0
    }
}

impl TryFrom<Config> for Settings {
    type Error = InvalidConfig;

    fn try_from(config: Config) -> Result<Self, InvalidConfig> {
        config.validate().map(|()| Self(config))
    }
}

/// A value of a [`Config`] makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidConfig {
    /// The field.
    pub key: &'static str,
    /// What to write instead.
    pub fix: &'static str,
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "breaker: `{}` is out of range: {}", self.key, self.fix)
    }
}

impl std::error::Error for InvalidConfig {}
