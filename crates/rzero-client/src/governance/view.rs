//! What a channel shows of its governance.

use std::time::Duration;

use rzero_core::Lane;
use rzero_resilience::breaker;
use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::{Channel, NodeView};

/// The state of a channel's governance at one moment: plain data, for people and for the admin
/// port.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Governance {
    /// The service that is called.
    pub target: String,
    /// The name under which policies match it.
    pub name: String,
    /// How much extra load the target may still be given.
    pub budget: BudgetView,
    /// The methods that were called so far, by path.
    pub methods: Vec<MethodView>,
    /// The instances that are known.
    pub nodes: Vec<NodeView>,
    /// The lanes that have nodes.
    pub lanes: Vec<LaneView>,
}

/// Extra attempts to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BudgetView {
    /// Extra attempts of any kind that are left.
    pub extra: u64,
    /// Hedges that are left; they use the other budget, too.
    pub hedges: u64,
}

/// One method of a target.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MethodView {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Its breaker.
    pub breaker: breaker::Snapshot,
    /// Successful attempts of the last 10 s.
    pub calls: u64,
    /// Their median, in µs.
    #[serde(serialize_with = "micros")]
    pub p50: Duration,
    /// Their 95th percentile, in µs.
    #[serde(serialize_with = "micros")]
    pub p95: Duration,
    /// Attempts that lost against their hedge and were left to finish.
    pub left_to_finish: usize,
    /// Whether a fallback stands behind it.
    pub fallback: bool,
}

/// One lane of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LaneView {
    /// The lane.
    #[serde(serialize_with = "text")]
    pub lane: Lane,
    /// Nodes that take calls.
    pub serving: usize,
    /// Whether ejection is suspended, because too few nodes are left or all of them fail.
    pub suspended: bool,
}

impl Channel {
    /// What governs its calls, as it stands now: breakers, nodes, budgets.
    #[must_use]
    pub fn governance(&self) -> Governance {
        let (shared, now) = (&self.0, Instant::now());
        let methods = shared.methods.list().into_iter().map(|state| {
            let known = state.target.latency.summary(now);
            MethodView {
                path: state.path,
                breaker: state.breaker.snapshot(now),
                calls: known.calls,
                p50: known.p50,
                p95: known.p95,
                left_to_finish: state.target.left_to_finish(),
                fallback: state.fallback.load().is_some(),
            }
        });
        Governance {
            target: shared.target.to_string(),
            name: shared.name.to_string(),
            budget: BudgetView {
                extra: shared.methods.target.budget.balance(now),
                hedges: shared.methods.target.hedges.balance(now),
            },
            methods: methods.collect(),
            nodes: self.nodes(),
            lanes: shared.snapshot.load().lanes(),
        }
    }
}

fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Serializes what has a text by that text.
pub(crate) fn text<T: ToString, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.to_string())
}
