//! What holds for a whole server.

use std::collections::BTreeMap;
use std::time::Duration;

use rzero_resilience::limit::{BulkheadConfig, ConcurrencyConfig, RateRule, RateScope};
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
    /// `[policy.store]`: where rate limits of scope `distributed` are counted.
    pub store: StoreConfig,
    /// `[policy.bulkhead.<name>]`: bulkheads by name, for code that asks for them.
    pub bulkheads: BTreeMap<String, BulkheadConfig>,
}

/// `[policy.store]`: where rate limits of scope `distributed` are counted, by all processes
/// together. It is read once, at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreConfig {
    /// The name of a `[redis.<name>]` section. Default: the only one there is, else `main`.
    pub redis: Option<String>,
    /// How long the store may take for one decision before the process decides alone, as the
    /// rule's `on_error` says. Default 50 ms; 1 ms to 1 m.
    pub timeout: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            redis: None,
            timeout: Duration::from_millis(50),
        }
    }
}

impl ServerPolicy {
    /// The place among `[[policy.rate]]` of the first rule that all processes share; `None` when
    /// each process counts for itself.
    #[must_use]
    pub fn first_distributed(&self) -> Option<usize> {
        let mut rates = self.rates.iter();
        rates.position(|rule| rule.scope == RateScope::Distributed)
    }

    /// The settings of the bulkhead called `name`; the defaults when nothing is written.
    #[must_use]
    pub fn bulkhead(&self, name: &str) -> BulkheadConfig {
        self.bulkheads.get(name).cloned().unwrap_or_default()
    }
}
