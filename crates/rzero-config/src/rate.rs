//! How often something may happen.

use serde::Deserialize;

/// How often something may happen, as a table of two keys. Both are 1 to 2^32 - 1; what is `None`
/// is left to the part that keeps to the rate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RateConfig {
    /// How many are free at once.
    pub burst: Option<u64>,
    /// How many more become free each second.
    pub per_second: Option<u64>,
}
