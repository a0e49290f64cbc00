//! `policy.breaker`.

use std::time::Duration;

use rzero_resilience::breaker::{Codes, Config, Settings};
use serde::{Deserialize, Serialize};

use super::{Checked, Wrong};
use crate::Side;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BreakerKeys {
    /// By default in clients only.
    pub(crate) enabled: Option<bool>,
    #[serde(with = "rzero_config::duration")]
    window: Duration,
    buckets: u32,
    k: f64,
    k_min: f64,
    protection: u32,
    #[serde(with = "rzero_config::duration")]
    forced_pass: Duration,
    #[serde(with = "rzero_config::duration::option")]
    slow: Option<Duration>,
    slow_ratio: f64,
    codes: CodesKey,
}

/// [`Codes`] as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CodesKey {
    Spec,
    GoZero,
}

impl Default for BreakerKeys {
    fn default() -> Self {
        let config = Config::default();
        Self {
            enabled: None,
            window: config.window,
            buckets: config.buckets,
            k: config.k,
            k_min: config.k_min,
            protection: config.protection,
            forced_pass: config.forced_pass,
            slow: config.slow_ms.map(Duration::from_millis),
            slow_ratio: config.slow_ratio,
            codes: match config.codes {
                Codes::GoZero => CodesKey::GoZero,
                _ => CodesKey::Spec,
            },
        }
    }
}

impl BreakerKeys {
    /// Whether it is enabled on `side`.
    pub(crate) fn enabled(&self, side: Side) -> bool {
        self.enabled.unwrap_or(side == Side::Client)
    }

    pub(crate) fn settings(&self, side: Side, on: bool) -> Checked<Settings> {
        let config = Config {
            enabled: on && self.enabled(side),
            window: self.window,
            buckets: self.buckets,
            k: self.k,
            k_min: self.k_min,
            protection: self.protection,
            forced_pass: self.forced_pass,
            slow_ms: self.slow.map(slow_millis).transpose()?,
            slow_ratio: self.slow_ratio,
            codes: match self.codes {
                CodesKey::Spec => Codes::Spec,
                CodesKey::GoZero => Codes::GoZero,
            },
        };
        Settings::try_from(config)
            .map_err(|wrong| Wrong::new(wrong.key, format!("is out of range: {}", wrong.fix)))
    }
}

fn slow_millis(time: Duration) -> Checked<u64> {
    let millis = u64::try_from(time.as_millis()).ok();
    let whole = millis.filter(|millis| *millis > 0 && Duration::from_millis(*millis) == time);
    whole.ok_or_else(|| {
        Wrong::new(
            "slow",
            "write whole milliseconds, at least 1, or leave it out",
        )
    })
}
