//! `policy.outlier`, `policy.slow_start`, `policy.subset` and `policy.zone`.

use std::time::Duration;

use rzero_balance::{OutlierConfig, SlowStart, SubsetConfig};
use serde::{Deserialize, Serialize};

use super::{Checked, Wrong};
use crate::ZonePolicy;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OutlierKeys {
    enabled: bool,
    consecutive: u32,
    timeouts: u32,
    share_calls: u64,
    share: f64,
    rate_nodes: usize,
    rate_calls: u64,
    rate_deviations: f64,
    rate_gap: f64,
    #[serde(with = "rzero_config::duration")]
    interval: Duration,
    #[serde(with = "rzero_config::duration")]
    ejection: Duration,
    #[serde(with = "rzero_config::duration")]
    ejection_max: Duration,
    jitter: f64,
    ejected_max: f64,
    panic_below: f64,
    #[serde(with = "rzero_config::duration")]
    probe_timeout: Duration,
}

impl Default for OutlierKeys {
    fn default() -> Self {
        let config = OutlierConfig::default();
        Self {
            enabled: config.enabled,
            consecutive: config.consecutive,
            timeouts: config.timeouts,
            share_calls: config.share_calls,
            share: config.share,
            rate_nodes: config.rate_nodes,
            rate_calls: config.rate_calls,
            rate_deviations: config.rate_deviations,
            rate_gap: config.rate_gap,
            interval: config.interval,
            ejection: config.ejection,
            ejection_max: config.ejection_max,
            jitter: config.jitter,
            ejected_max: config.ejected_max,
            panic_below: config.panic_below,
            probe_timeout: config.probe_timeout,
        }
    }
}

impl OutlierKeys {
    pub(crate) fn config(&self, on: bool) -> Checked<OutlierConfig> {
        let config = OutlierConfig {
            enabled: on && self.enabled,
            consecutive: self.consecutive,
            timeouts: self.timeouts,
            share_calls: self.share_calls,
            share: self.share,
            rate_nodes: self.rate_nodes,
            rate_calls: self.rate_calls,
            rate_deviations: self.rate_deviations,
            rate_gap: self.rate_gap,
            interval: self.interval,
            ejection: self.ejection,
            ejection_max: self.ejection_max,
            jitter: self.jitter,
            ejected_max: self.ejected_max,
            panic_below: self.panic_below,
            probe_timeout: self.probe_timeout,
        };
        match config.validate() {
            Ok(()) => Ok(config),
            Err(text) => Err(Wrong::leading(&text)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SlowStartKeys {
    #[serde(with = "rzero_config::duration")]
    window: Duration,
    floor: f64,
    aggression: f64,
}

impl Default for SlowStartKeys {
    fn default() -> Self {
        let config = SlowStart::default();
        Self {
            window: config.window,
            floor: decimal(config.floor),
            aggression: decimal(config.aggression),
        }
    }
}

/// The decimal number that was meant: 0.1 as an `f32` is not 0.1 as an `f64`.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

impl SlowStartKeys {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a weight needs no more digits"
    )]
    pub(crate) fn config(&self, on: bool) -> Checked<SlowStart> {
        let config = SlowStart {
            window: self.window,
            floor: self.floor as f32,
            aggression: self.aggression as f32,
        };
        config
            .validate()
            .map_err(|text| Wrong::leading(&text))
            .map(|()| if on { config } else { SlowStart::OFF })
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SubsetKeys {
    above: usize,
    size: usize,
    members_per_reserve: usize,
}

impl Default for SubsetKeys {
    fn default() -> Self {
        let config = SubsetConfig::default();
        Self {
            above: config.above,
            size: config.size,
            members_per_reserve: config.members_per_reserve,
        }
    }
}

impl SubsetKeys {
    pub(crate) fn config(&self, on: bool) -> Checked<SubsetConfig> {
        let mut config = SubsetConfig {
            above: self.above,
            size: self.size,
            members_per_reserve: self.members_per_reserve,
        };
        config.validate().map_err(|text| Wrong::leading(&text))?;
        if !on {
            config.above = usize::MAX;
        }
        Ok(config)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ZoneKeys {
    prefer: bool,
    spill_below: f64,
}

impl Default for ZoneKeys {
    fn default() -> Self {
        let policy = ZonePolicy::default();
        Self {
            prefer: policy.prefer,
            spill_below: policy.spill_below,
        }
    }
}

impl ZoneKeys {
    pub(crate) fn policy(&self, on: bool) -> Checked<ZonePolicy> {
        if !(0.0..=1.0).contains(&self.spill_below) {
            let text = format!("{} is out of range, write 0 to 1", self.spill_below);
            return Err(Wrong::new("spill_below", text));
        }
        Ok(ZonePolicy {
            prefer: on && self.prefer,
            spill_below: self.spill_below,
        })
    }
}
