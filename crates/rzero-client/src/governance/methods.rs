//! The methods of a target: what is known about each, and the rules for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use rzero_core::Method;
use rzero_policy::{ClientPolicy, Policies};
use rzero_resilience::breaker::Breaker;
use rzero_resilience::retry::Target;
use tokio::time::Instant;

use super::{Rules, table::Table};
use crate::call::Fallback;

/// One method of a target. What is counted here survives every change of the rules.
pub(crate) struct MethodState {
    pub(crate) path: &'static str,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) breaker: Breaker,
    /// Latency of the method; limits on extra attempts are those of the whole target.
    pub(crate) target: Arc<Target>,
    pub(crate) fallback: ArcSwapOption<Fallback>,
}

/// All methods of a target.
pub(crate) struct Methods {
    /// Limits on the extra attempts of all methods together.
    pub(crate) target: Arc<Target>,
    callee: Arc<str>,
    timeout: Duration,
    table: Table<Arc<MethodState>>,
    /// Held while a method is made, so that none misses a change of the policies.
    source: Mutex<Source>,
}

struct Source {
    policies: Policies,
    /// The target, as rules match it.
    name: Arc<str>,
}

impl Methods {
    /// Of the target `name`, shown as `callee`; `timeout` is for methods without one of their own.
    pub(crate) fn new(
        callee: Arc<str>,
        name: Arc<str>,
        timeout: Duration,
        policies: Policies,
        now: Instant,
    ) -> Self {
        let ClientPolicy { budget, hedge, .. } = policies.client(&name);
        Self {
            target: Target::new(&budget, &hedge, now),
            callee,
            timeout,
            table: Table::new(),
            source: Mutex::new(Source { policies, name }),
        }
    }

    /// The state of `method`: no lock but for the first call of it.
    #[inline]
    pub(crate) fn of(&self, method: Method, now: Instant) -> &Arc<MethodState> {
        match self.table.get(method) {
            Some(state) => state,
            None => self.make(method, now),
        }
    }

    /// What is known about the target as a whole under the policies of now.
    pub(crate) fn client(&self) -> ClientPolicy {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.policies.client(&source.name)
    }

    /// Judges by other policies from now on; what was counted stays.
    pub(crate) fn reload(&self, policies: Policies, now: Instant) {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.policies = policies;
        let client = source.policies.client(&source.name);
        self.target.reconfigure(&client.budget, &client.hedge);
        for state in self.table.iter() {
            let rules = Rules::of(&source.policies, &source.name, state.path, self.timeout);
            state.breaker.reconfigure(rules.breaker, now);
            state.rules.store(Arc::new(rules));
        }
    }

    /// The methods that were called so far, by path.
    pub(crate) fn list(&self) -> Vec<&MethodState> {
        let mut all: Vec<&MethodState> = self.table.iter().map(|state| &**state).collect();
        all.sort_by_key(|state| state.path);
        all
    }

    #[cold]
    fn make(&self, method: Method, now: Instant) -> &Arc<MethodState> {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first.
        self.table.of(method, |path| {
            let rules = Rules::of(&source.policies, &source.name, path, self.timeout);
            Arc::new(MethodState {
                path,
                breaker: Breaker::new(Arc::clone(&self.callee), path, rules.breaker, now),
                target: self.target.part(now),
                fallback: ArcSwapOption::empty(),
                rules: ArcSwap::from_pointee(rules),
            })
        })
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Methods")
            .field("callee", &self.callee)
            .field("methods", &self.table.iter().count())
            .finish_non_exhaustive()
    }
}
