//! `policy.retry`, `policy.hedge` and `policy.budget`.

use std::time::Duration;

use rzero_config::ByteSize;
use rzero_core::Class;
use rzero_resilience::retry::{BudgetConfig, Classes, Hedge, Policy};
use serde::{Deserialize, Serialize};

use super::{Checked, Wrong};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetryKeys {
    /// The first one included.
    attempts: u8,
    #[serde(with = "rzero_config::duration")]
    base: Duration,
    #[serde(with = "rzero_config::duration")]
    cap: Duration,
    jitter: f64,
    repicks: u8,
    buffer: ByteSize,
    on: Option<Vec<String>>,
}

impl Default for RetryKeys {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            attempts: policy.max_retries + 1,
            base: policy.base,
            cap: policy.cap,
            jitter: policy.jitter,
            repicks: policy.max_repicks,
            buffer: ByteSize::new(u64::try_from(policy.buffer_bytes).unwrap_or(u64::MAX)),
            on: None,
        }
    }
}

impl RetryKeys {
    pub(crate) fn policy(&self, on: bool) -> Checked<Policy> {
        if !(1..=11).contains(&self.attempts) {
            let text = "must be 1 to 11, the first attempt included; 1 is without retries";
            return Err(Wrong::new("attempts", text));
        }
        let mut policy = Policy {
            max_retries: self.attempts - 1,
            base: self.base,
            cap: self.cap,
            jitter: self.jitter,
            attempt_timeout: None,
            max_repicks: self.repicks,
            buffer_bytes: self.buffer.as_usize(),
            on: self.classes()?,
        };
        policy
            .validate()
            .map_err(|text| Wrong::leading(&text).renamed("max_repicks", "repicks"))?;
        if !on {
            (policy.max_retries, policy.max_repicks) = (0, 0);
        }
        Ok(policy)
    }

    fn classes(&self) -> Checked<Classes> {
        let Some(reasons) = &self.on else {
            return Ok(Classes::ALL);
        };
        reasons.iter().try_fold(Classes::NONE, |set, reason| {
            let class = Class::ALL.iter().find(|class| class.reason() == *reason);
            let unknown = || {
                let all: Vec<&str> = Class::ALL.iter().map(|class| class.reason()).collect();
                let text = format!("no reason {reason:?}; one of {}", all.join(", "));
                Wrong::new("on", text)
            };
            Ok(set.with(*class.ok_or_else(unknown)?))
        })
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HedgeKeys {
    enabled: bool,
    #[serde(with = "rzero_config::duration::option")]
    delay: Option<Duration>,
    calls_ratio_max: f64,
    cancels_per_second: u16,
}

impl Default for HedgeKeys {
    fn default() -> Self {
        let hedge = Hedge::default();
        Self {
            enabled: hedge.enabled,
            delay: hedge.delay,
            calls_ratio_max: hedge.calls_ratio_max,
            cancels_per_second: hedge.cancels_per_second,
        }
    }
}

impl HedgeKeys {
    pub(crate) fn hedge(&self) -> Checked<Hedge> {
        let hedge = Hedge {
            enabled: self.enabled,
            delay: self.delay,
            calls_ratio_max: self.calls_ratio_max,
            cancels_per_second: self.cancels_per_second,
        };
        let checked = hedge.validate().map(|()| hedge);
        checked.map_err(|text| Wrong::leading(&text))
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetKeys {
    ratio: f64,
    #[serde(with = "rzero_config::duration")]
    window: Duration,
    floor_per_second: f64,
}

impl Default for BudgetKeys {
    fn default() -> Self {
        let config = BudgetConfig::default();
        Self {
            ratio: config.ratio,
            window: config.window,
            floor_per_second: config.floor_per_second,
        }
    }
}

impl BudgetKeys {
    pub(crate) fn config(&self) -> Checked<BudgetConfig> {
        let config = BudgetConfig {
            ratio: self.ratio,
            window: self.window,
            floor_per_second: self.floor_per_second,
        };
        let checked = config.validate().map(|()| config);
        checked.map_err(|text| Wrong::leading(&text))
    }
}
