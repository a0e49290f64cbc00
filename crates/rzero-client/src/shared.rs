//! What the clones of a channel and its task share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rzero_core::{Address, Lane};
use rzero_registry::ServiceName;
use tokio::sync::{mpsc, watch};

use crate::snapshot::Snapshot;

pub(crate) struct Shared {
    pub(crate) target: ServiceName,
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) timeout: Duration,
    pub(crate) wait_for_ready: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    pub(crate) version: watch::Sender<u64>,
    pub(crate) waiters: AtomicUsize,
    pub(crate) views: Mutex<Vec<NodeView>>,
    /// Lanes that somebody calls for the first time; the task of the channel dials them.
    pub(crate) wakes: mpsc::Sender<Lane>,
}

/// A node as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Instance id.
    pub id: String,
    /// Where it is dialed.
    pub address: Address,
    /// `connecting`, `ready` or `backoff`.
    pub state: &'static str,
    /// Calls in flight when the view was made.
    pub in_flight: u32,
    /// Version it registered.
    pub version: String,
    /// Lane it registered.
    pub lane: Lane,
}

impl Shared {
    pub(crate) fn publish(&self, snapshot: Snapshot, views: Vec<NodeView>) {
        *self.views.lock().unwrap_or_else(PoisonError::into_inner) = views;
        self.snapshot.store(Arc::new(snapshot));
        self.version.send_modify(|version| *version += 1);
    }
}
