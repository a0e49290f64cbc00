//! What an operator may say about shedding.

use std::time::Duration;

use serde::Deserialize;

/// What a [`Shedder`](super::Shedder) keeps to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether anything is ever refused. Default true. Switched off, the shedder still measures,
    /// so that it knows its limit when it is switched on.
    pub enabled: bool,
    /// Whether CPU use is a reason to shed. Default true.
    pub cpu: bool,
    /// CPU use from which ordinary calls are shed, per mille of the CPUs that the process may use
    /// (1 to 999). Default 900. Critical calls are shed from halfway between this and 1000 (950),
    /// sheddable ones from as far below it (850).
    pub cpu_threshold: u32,
    /// Whether memory level 3 is a reason to shed. Default true.
    pub memory: bool,
    /// Whether the wait of calls between the wire and admission is a reason to shed. Default
    /// true.
    pub queue: bool,
    /// Longest wait that nine of ten admitted calls of the last 5 s may have had (1 ms to 60 s).
    /// Default 100 ms.
    pub queue_wait_max: Duration,
    /// Whether an exhausted pool is a reason to shed. Default true.
    pub pool: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            cpu: true,
            cpu_threshold: 900,
            memory: true,
            queue: true,
            queue_wait_max: Duration::from_millis(100),
            pool: true,
        }
    }
}

impl Config {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// A text that names the key, the value and the range.
    pub fn validate(&self) -> Result<(), String> {
        if !(1..=999).contains(&self.cpu_threshold) {
            return Err(format!(
                "cpu_threshold is {}; write a per mille from 1 to 999, such as 900",
                self.cpu_threshold
            ));
        }
        let range = Duration::from_millis(1)..=Duration::from_secs(60);
        if !range.contains(&self.queue_wait_max) {
            return Err(format!(
                "queue_wait_max is {:?}; write a duration from 1ms to 60s, such as 100ms",
                self.queue_wait_max
            ));
        }
        Ok(())
    }
}
