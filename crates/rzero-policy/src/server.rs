//! What holds for a whole server.

use std::collections::BTreeMap;

use rzero_resilience::limit::{BulkheadConfig, ConcurrencyConfig, RateRule};
use rzero_resilience::shed;

/// What holds for a whole server, all methods and connections together.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ServerPolicy {
    /// `policy.shed`: when calls are shed. Methods may be exempt by name.
    pub shed: shed::Config,
    /// `policy.server.concurrency`: calls of all methods at once. Default: no limit.
    pub concurrency: ConcurrencyConfig,
    /// `[[policy.rate]]`: rate limits. Default: none. Methods may be exempt by name.
    pub rates: Vec<RateRule>,
    /// `[policy.bulkhead.<name>]`: bulkheads by name, for code that asks for them.
    pub bulkheads: BTreeMap<String, BulkheadConfig>,
}

impl ServerPolicy {
    /// The settings of the bulkhead called `name`; the defaults when nothing is written.
    #[must_use]
    pub fn bulkhead(&self, name: &str) -> BulkheadConfig {
        self.bulkheads.get(name).cloned().unwrap_or_default()
    }
}
