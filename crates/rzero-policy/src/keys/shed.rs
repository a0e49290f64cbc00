//! `policy.shed`.

use std::time::Duration;

use rzero_resilience::shed::Config;
use serde::{Deserialize, Serialize};

use super::{Checked, Wrong};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ShedKeys {
    enabled: bool,
    /// The threshold, as a ratio.
    cpu: f64,
    #[serde(with = "rzero_config::duration")]
    queue_wait_max: Duration,
    signals: Vec<SignalKey>,
}

/// What may be a reason to shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum SignalKey {
    Cpu,
    Memory,
    Queue,
    Pool,
}

impl Default for ShedKeys {
    fn default() -> Self {
        let config = Config::default();
        let signals = [
            (SignalKey::Cpu, config.cpu),
            (SignalKey::Memory, config.memory),
            (SignalKey::Queue, config.queue),
            (SignalKey::Pool, config.pool),
        ];
        let on = signals.iter().filter(|(_, on)| *on);
        Self {
            enabled: config.enabled,
            cpu: f64::from(config.cpu_threshold) / 1000.0,
            queue_wait_max: config.queue_wait_max,
            signals: on.map(|(signal, _)| *signal).collect(),
        }
    }
}

impl ShedKeys {
    pub(crate) fn config(&self) -> Checked<Config> {
        if !(0.001..=0.999).contains(&self.cpu) {
            let text = "is out of range, write a ratio from 0.001 to 0.999, such as 0.9";
            return Err(Wrong::new("cpu", text));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to 999 by the check above"
        )]
        let cpu_threshold = (self.cpu * 1000.0).round() as u32;
        let has = |signal| self.signals.contains(&signal);
        let config = Config {
            enabled: self.enabled,
            cpu: has(SignalKey::Cpu),
            cpu_threshold,
            memory: has(SignalKey::Memory),
            queue: has(SignalKey::Queue),
            queue_wait_max: self.queue_wait_max,
            pool: has(SignalKey::Pool),
        };
        match config.validate() {
            Ok(()) => Ok(config),
            Err(text) => Err(Wrong::leading(&text)),
        }
    }
}
