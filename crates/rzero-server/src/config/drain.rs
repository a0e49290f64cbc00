//! How long leaving may take.

use std::time::Duration;

use rzero_core::{Error, Result};
use serde::Deserialize;

use super::Mode;

/// `[server.drain]`: how long each phase of leaving may take.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct DrainConfig {
    /// Leaving the registry, default 2 s.
    #[serde(with = "rzero_config::duration")]
    pub deregister: Duration,
    /// Serving on while peers learn of it, default 5 s; 500 ms in mode `dev`, where peers share
    /// this host. Skipped without a registry.
    #[serde(with = "rzero_config::duration::option")]
    pub wait: Option<Duration>,
    /// Calls in flight finish, default 15 s.
    #[serde(with = "rzero_config::duration")]
    pub in_flight: Duration,
    /// Background parts and shielded sections end, default 3 s.
    #[serde(with = "rzero_config::duration")]
    pub back_ends: Duration,
    /// The whole, default 30 s: Kubernetes' default grace period.
    #[serde(with = "rzero_config::duration")]
    pub budget: Duration,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self {
            deregister: Duration::from_secs(2),
            wait: None,
            in_flight: Duration::from_secs(15),
            back_ends: Duration::from_secs(3),
            budget: Duration::from_secs(30),
        }
    }
}

impl DrainConfig {
    /// How long the server serves on while peers learn that it leaves.
    #[must_use]
    pub fn wait(&self, mode: Mode) -> Duration {
        let default = match mode {
            Mode::Dev => Duration::from_millis(500),
            Mode::Test | Mode::Pro => Duration::from_secs(5),
        };
        self.wait.unwrap_or(default)
    }

    /// Checks that the phases fit into the budget.
    ///
    /// # Errors
    /// When they do not; the message says by how much.
    pub fn check(&self, mode: Mode) -> Result<()> {
        let phases = [
            self.deregister,
            self.wait(mode),
            self.in_flight,
            self.back_ends,
        ];
        let sum = phases
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add);
        if sum <= self.budget {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "server.drain: the phases take {sum:?}, more than budget = {:?}; shorten one, or raise \
             the budget together with terminationGracePeriodSeconds",
            self.budget
        )))
    }
}
