//! When a slow call gets a second attempt beside the first.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::{Attempts, BudgetConfig, latency::Latency};

/// With fewer calls in its window a 95th percentile says little, and nothing is hedged.
const CALLS_MIN: u64 = 50;

/// How calls are hedged. Off by default: it is for idempotent reads whose slowest calls hurt, and
/// it is wrong where all are slow at once, which is when its caps hold.
///
/// When an attempt has not been answered after `delay`, one more is sent, to another node; the
/// first success wins. At most two attempts run, retries and hedges share one [`Budget`](super::Budget).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hedge {
    /// Whether idempotent unary calls are hedged, default false.
    pub enabled: bool,
    /// How long the first attempt has, at least 1 ms. Default `None`: the 95th percentile of the
    /// target's calls over the last 10 s.
    pub delay: Option<Duration>,
    /// Share of calls that may be hedged, 0 to 1, default 0.05.
    pub calls_ratio_max: f64,
    /// Calls of a connection that are cancelled each second because the other attempt won, 0 to
    /// 1000, default 10. Further ones are left to finish: servers close connections that reset
    /// many streams.
    pub cancels_per_second: u16,
}

impl Default for Hedge {
    fn default() -> Self {
        Self {
            enabled: false,
            delay: None,
            calls_ratio_max: 0.05,
            cancels_per_second: 10,
        }
    }
}

impl Hedge {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the key that is wrong and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        if self
            .delay
            .is_some_and(|delay| delay < Duration::from_millis(1))
        {
            return Err("delay: must be at least 1 ms, or absent for the rolling P95".to_owned());
        }
        if !(0.0..=1.0).contains(&self.calls_ratio_max) {
            return Err("calls_ratio_max: must be 0 to 1, such as 0.05 for 5 %".to_owned());
        }
        if self.cancels_per_second > 1000 {
            return Err("cancels_per_second: must be 0 to 1000".to_owned());
        }
        Ok(())
    }

    /// How long to wait for the first attempt before a second one is sent; `None` when the call is
    /// not hedged: hedging is off, the call is not idempotent, or it is done for a retried call.
    #[must_use]
    pub fn delay(&self, attempts: &Attempts, latency: &Latency, now: Instant) -> Option<Duration> {
        if !self.enabled || !attempts.is_idempotent() || attempts.number() > 0 {
            return None;
        }
        self.delay.or_else(|| {
            let known = latency.summary(now);
            (known.calls >= CALLS_MIN).then_some(known.p95)
        })
    }

    /// The cap on hedged calls: a budget without a floor.
    #[must_use]
    pub fn cap(&self) -> BudgetConfig {
        BudgetConfig {
            ratio: self.calls_ratio_max,
            floor_per_second: 0.0,
            ..BudgetConfig::default()
        }
    }
}
