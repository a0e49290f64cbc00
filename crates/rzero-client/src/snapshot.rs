//! What a call picks from: an immutable view of the nodes that are ready.

use std::fmt;
use std::sync::Arc;

use rzero_balance::{NodeStats, Picker};
use rzero_core::{CallInfo, Connection};
use rzero_registry::Instance;
use tokio::time::Instant;

/// A node that takes calls.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) instance: Arc<Instance>,
    pub(crate) stats: Arc<NodeStats>,
    pub(crate) connection: Arc<dyn Connection>,
}

/// What to do when no node is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Discovery or a dial is under way: waiting makes sense.
    Hopeful,
    /// No instance is known, or all are in back-off.
    Bleak,
}

/// The nodes that are ready, and how to choose among them.
pub(crate) struct Snapshot {
    pub(crate) nodes: Vec<Ready>,
    pub(crate) picker: Box<dyn Picker>,
    pub(crate) outlook: Outlook,
}

impl Snapshot {
    /// Chooses a node: no lock, no allocation.
    pub(crate) fn pick(
        &self,
        call: &CallInfo,
        now: Instant,
        avoid: Option<&Arc<NodeStats>>,
    ) -> Option<&Ready> {
        let avoid = avoid.and_then(|a| self.nodes.iter().position(|n| Arc::ptr_eq(&n.stats, a)));
        self.nodes.get(self.picker.pick(call, now, avoid)?)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot({} ready, {:?})",
            self.nodes.len(),
            self.outlook
        )
    }
}
