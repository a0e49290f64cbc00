//! What the clones of a channel and its task share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rzero_balance::NodeStats;
use rzero_core::{Address, Lane, Metadata};
use rzero_registry::{Instance, ServiceName};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::governance::{Methods, text};
use crate::snapshot::Snapshot;

pub(crate) struct Shared {
    pub(crate) target: ServiceName,
    /// The name under which policies match the target.
    pub(crate) name: Arc<str>,
    pub(crate) caller: Option<Arc<str>>,
    /// The metadata of a call that has none of its own.
    pub(crate) plain: Option<Arc<Metadata>>,
    pub(crate) wait_for_ready: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) methods: Methods,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) version: watch::Sender<u64>,
    pub(crate) waiters: AtomicUsize,
    pub(crate) known: Mutex<Vec<Known>>,
    /// Lanes that somebody calls for the first time; the task of the channel dials them.
    pub(crate) wakes: mpsc::Sender<Lane>,
}

/// A node as the task of the channel last saw it.
pub(crate) struct Known {
    pub(crate) instance: Arc<Instance>,
    pub(crate) address: Address,
    pub(crate) stats: Arc<NodeStats>,
    pub(crate) state: &'static str,
    pub(crate) ejected: bool,
    pub(crate) ejected_until: Option<Instant>,
    pub(crate) ejections: u32,
}

/// A node as operators see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeView {
    /// Instance id.
    pub id: String,
    /// Where it is dialed.
    #[serde(serialize_with = "text")]
    pub address: Address,
    /// `connecting`, `ready` or `backoff`.
    pub state: &'static str,
    /// Calls in flight.
    pub in_flight: u32,
    /// Version it registered.
    pub version: String,
    /// Lane it registered.
    #[serde(serialize_with = "text")]
    pub lane: Lane,
    /// Zone it registered.
    pub zone: Option<String>,
    /// Weight it registered.
    pub weight: u32,
    /// Whether it was ejected and not yet let in again.
    pub ejected: bool,
    /// What is left of its ejection, in ms; `None` when it is in, or is being probed.
    pub ejected_ms: Option<u64>,
    /// Ejections that still count: each makes the next one longer.
    pub ejections: u32,
    /// Peak EWMA of its latency, in µs; 0 before the first answer.
    pub latency_us: u64,
    /// Share of failures among its last calls, 0 to 1.
    pub failure_share: f32,
    /// Failures in a row that count for its ejection.
    pub failures_in_row: u32,
    /// Whether it asked for a pause that is not over.
    pub pushed_back: bool,
}

impl Shared {
    pub(crate) fn publish(&self, snapshot: Snapshot, known: Vec<Known>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        self.snapshot.store(Arc::new(snapshot));
        self.version.send_modify(|version| *version += 1);
    }

    pub(crate) fn views(&self, now: Instant) -> Vec<NodeView> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|node| node.view(now)).collect()
    }
}

impl Known {
    fn view(&self, now: Instant) -> NodeView {
        let left = |until: Instant| until.saturating_duration_since(now).as_millis();
        NodeView {
            id: self.instance.id.to_string(),
            address: self.address.clone(),
            state: self.state,
            in_flight: self.stats.in_flight(),
            version: self.instance.version.clone(),
            lane: self.instance.lane.clone(),
            zone: self.instance.zone.clone(),
            weight: self.instance.weight.get(),
            ejected: self.ejected,
            ejected_ms: (self.ejected_until)
                .map(|until| u64::try_from(left(until)).unwrap_or(u64::MAX)),
            ejections: self.ejections,
            latency_us: self.stats.ewma_us(),
            failure_share: self.stats.failure_share(),
            failures_in_row: self.stats.streak().failures,
            pushed_back: self.stats.is_pushed_back(now),
        }
    }
}
