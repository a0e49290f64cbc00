//! `policy.concurrency`, `[[policy.rate]]` and `[policy.bulkhead.<name>]`.

use std::time::Duration;

use rzero_resilience::limit::{
    BulkheadConfig, ConcurrencyConfig, GradientConfig, OnError, RateKey, RateRule, RateScope,
};
use serde::{Deserialize, Serialize};

use super::{Checked, Wrong};

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConcurrencyKeys {
    max: u32,
    adaptive: AdaptiveKeys,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct AdaptiveKeys {
    enabled: bool,
    initial: u32,
    min: u32,
    max: u32,
    tolerance: f64,
    queue: u32,
    smoothing: f64,
    #[serde(with = "rzero_config::duration")]
    window: Duration,
    window_calls_min: u32,
    long_windows: u32,
}

impl Default for AdaptiveKeys {
    fn default() -> Self {
        let config = GradientConfig::default();
        Self {
            enabled: false,
            initial: config.initial,
            min: config.min,
            max: config.max,
            tolerance: config.tolerance,
            queue: config.queue,
            smoothing: config.smoothing,
            window: config.window,
            window_calls_min: config.window_calls_min,
            long_windows: config.long_windows,
        }
    }
}

impl ConcurrencyKeys {
    pub(crate) fn config(&self) -> Checked<ConcurrencyConfig> {
        let keys = &self.adaptive;
        let gradient = GradientConfig {
            initial: keys.initial,
            min: keys.min,
            max: keys.max,
            tolerance: keys.tolerance,
            queue: keys.queue,
            smoothing: keys.smoothing,
            window: keys.window,
            window_calls_min: keys.window_calls_min,
            long_windows: keys.long_windows,
        };
        // Also when it is off: a mistake that waits is a trap.
        let wrong = |text: String| Wrong::leading(&text).below("adaptive");
        gradient.validate().map_err(wrong)?;
        Ok(ConcurrencyConfig {
            max: self.max,
            adaptive: keys.enabled.then_some(gradient),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RateKeys {
    name: String,
    methods: String,
    key: RateKey,
    rate: u32,
    #[serde(with = "rzero_config::duration")]
    period: Duration,
    burst: u32,
    capacity: usize,
    scope: RateScope,
    on_error: OnError,
}

impl Default for RateKeys {
    fn default() -> Self {
        let rule = RateRule::default();
        Self {
            name: rule.name,
            methods: rule.methods,
            key: rule.key,
            rate: rule.rate,
            period: rule.period,
            burst: rule.burst,
            capacity: rule.capacity,
            scope: rule.scope,
            on_error: rule.on_error,
        }
    }
}

impl RateKeys {
    pub(crate) fn rule(self) -> Checked<RateRule> {
        let rule = RateRule {
            name: self.name,
            methods: self.methods,
            key: self.key,
            rate: self.rate,
            period: self.period,
            burst: self.burst,
            capacity: self.capacity,
            scope: self.scope,
            on_error: self.on_error,
        };
        match rule.validate() {
            Ok(()) => Ok(rule),
            Err(text) => {
                let named = format!("rate rule `{}`: ", rule.name);
                let text = text
                    .strip_prefix(&named)
                    .or_else(|| text.strip_prefix("rate rule: "))
                    .unwrap_or(&text);
                Err(Wrong::leading(text))
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BulkheadKeys {
    max: usize,
    queue_max: usize,
    #[serde(with = "rzero_config::duration")]
    wait_max: Duration,
}

impl Default for BulkheadKeys {
    fn default() -> Self {
        let config = BulkheadConfig::default();
        Self {
            max: config.max,
            queue_max: config.queue_max,
            wait_max: config.wait_max,
        }
    }
}

impl BulkheadKeys {
    pub(crate) fn config(&self) -> Checked<BulkheadConfig> {
        let config = BulkheadConfig {
            max: self.max,
            queue_max: self.queue_max,
            wait_max: self.wait_max,
        };
        match config.validate() {
            Ok(()) => Ok(config),
            Err(text) => Err(Wrong::leading(&text)),
        }
    }
}
