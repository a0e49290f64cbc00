//! Rates that all processes share, and how many processes there are.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rzero_core::{BoxFuture, CallInfo, Error, Method, Result, ServiceDesc};
use rzero_redis::{DistributedRates, Redis};
use rzero_registry::{Registry, ServiceName, Watch};
use rzero_resilience::limit::{RateRule, RateScope, SharedRates};
use tokio::time::{Instant, timeout};

/// How long a start waits for the store, which it can do without.
const WARM: Duration = Duration::from_secs(1);

/// Connects, so that the first decision need not.
pub(super) async fn warm(redis: &Redis) {
    let answer = timeout(WARM, redis.ping()).await;
    let error = match answer {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {WARM:?}"),
    };
    tracing::warn!(
        redis = redis.name(),
        error,
        "starting without the store of shared rates; rules do what `on_error` says meanwhile"
    );
}

/// Rates in Redis, shared among a fleet.
#[derive(Debug)]
pub(super) struct Rates {
    rates: DistributedRates,
    fleet: Arc<Fleet>,
}

impl Rates {
    /// Without rules yet.
    pub(super) fn new(
        redis: Redis,
        within: Duration,
        served: &[&'static ServiceDesc],
        fleet: Fleet,
    ) -> Result<Self> {
        let fleet = Arc::new(fleet);
        let replicas = Arc::clone(&fleet);
        let rates = DistributedRates::new(redis, served, &[])?
            .with_budget(within)
            .with_replicas(move || replicas.size());
        Ok(Self { rates, fleet })
    }
}

impl SharedRates for Rates {
    fn covers(&self, method: Method) -> bool {
        self.rates.covers(method)
    }

    fn admit<'a>(&'a self, call: &'a CallInfo) -> BoxFuture<'a, Result<(), Error>> {
        SharedRates::admit(&self.rates, call)
    }

    fn reconfigure(&self, rules: &[RateRule], now: Instant) -> Result<(), Error> {
        if rules.iter().any(|r| r.scope == RateScope::Distributed) {
            self.fleet.discover();
        }
        self.rates.reconfigure(rules, now)
    }
}

/// The processes that serve a service, as far as its registry knows.
pub(super) struct Fleet {
    registry: Arc<dyn Registry>,
    service: ServiceName,
    /// Not before a rule is shared: a registry has better things to do.
    watch: OnceLock<Watch>,
}

impl Fleet {
    pub(super) fn new(registry: Arc<dyn Registry>, service: ServiceName) -> Self {
        Self {
            registry,
            service,
            watch: OnceLock::new(),
        }
    }

    fn discover(&self) {
        self.watch
            .get_or_init(|| self.registry.watch(&self.service));
    }

    /// How many there are; this one is, whatever the registry says.
    fn size(&self) -> usize {
        let known = self.watch.get();
        known.map_or(1, |watch| watch.current().instances.len().max(1))
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("service", &self.service)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
