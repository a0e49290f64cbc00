//! `[policy.store]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Checked, Wrong};
use crate::StoreConfig;

const TIMEOUT_MIN: Duration = Duration::from_millis(1);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreKeys {
    redis: Option<String>,
    #[serde(with = "rzero_config::duration")]
    timeout: Duration,
}

impl Default for StoreKeys {
    fn default() -> Self {
        let StoreConfig { redis, timeout } = StoreConfig::default();
        Self { redis, timeout }
    }
}

impl StoreKeys {
    pub(crate) fn config(&self) -> Checked<StoreConfig> {
        if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&self.timeout) {
            return Err(Wrong::new("timeout", "must be \"1ms\" to \"1m\""));
        }
        Ok(StoreConfig {
            redis: self.redis.clone(),
            timeout: self.timeout,
        })
    }
}
