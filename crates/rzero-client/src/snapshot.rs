//! What a call picks from: an immutable view of the nodes that are ready, lane by lane.

use std::fmt;
use std::sync::Arc;

use rzero_balance::{Candidate, NodeStats, Picker, Policy, instance_key};
use rzero_core::{CallInfo, Connection, Lane};
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
    /// Instances are known, but nobody has called this lane yet and none is dialed.
    Asleep,
}

/// The nodes of one lane.
pub(crate) struct Group {
    lane: Lane,
    nodes: Vec<Ready>,
    picker: Box<dyn Picker>,
    pub(crate) outlook: Outlook,
}

impl Group {
    pub(crate) fn new(
        lane: Lane,
        nodes: Vec<Ready>,
        outlook: Outlook,
        policy: Policy,
        now: Instant,
    ) -> Self {
        let candidates = nodes.iter().map(|node| Candidate {
            key: instance_key(node.instance.id.as_str()),
            weight: node.instance.weight.get(),
            stats: Arc::clone(&node.stats),
        });
        let picker = policy.picker(candidates.collect(), now);
        Self {
            lane,
            nodes,
            picker,
            outlook,
        }
    }

    /// Whether a node is listed that takes no more calls: the next snapshot will not have it.
    pub(crate) fn is_stale(&self) -> bool {
        self.nodes.iter().any(|node| !node.connection.is_open())
    }

    /// Chooses a node whose connection takes calls: no lock, no allocation.
    pub(crate) fn pick(
        &self,
        call: &CallInfo,
        now: Instant,
        avoid: Option<&Arc<NodeStats>>,
    ) -> Option<&Ready> {
        let avoid = avoid.and_then(|a| self.nodes.iter().position(|n| Arc::ptr_eq(&n.stats, a)));
        let picked = self.picker.pick(call, now, avoid)?;
        if self.nodes[picked].connection.is_open() {
            return Some(&self.nodes[picked]);
        }
        // It was asked to leave a moment ago: once more without it, then whoever is left.
        let other = self
            .picker
            .pick(call, now, Some(picked))
            .map(|other| &self.nodes[other]);
        let open = |node: &&Ready| node.connection.is_open();
        other.filter(open).or_else(|| self.nodes.iter().find(open))
    }
}

/// The nodes of a target. Lanes were told apart when it was made, so a call only looks up its own.
pub(crate) struct Snapshot {
    /// Lanes that have instances; the default lane comes first and is always there.
    groups: Vec<Group>,
}

impl Snapshot {
    /// `base` is the default lane, `lanes` the others that have instances.
    pub(crate) fn new(base: Group, lanes: impl IntoIterator<Item = Group>) -> Self {
        Self {
            groups: std::iter::once(base).chain(lanes).collect(),
        }
    }

    /// The nodes for calls on `lane`: its own instances, or the default lane when it has none.
    /// Calls on the default lane never see another.
    pub(crate) fn group(&self, lane: &Lane) -> &Group {
        let own = (!lane.is_base()).then(|| self.groups.iter().find(|group| group.lane == *lane));
        own.flatten().unwrap_or(&self.groups[0])
    }

    /// Nodes that are ready, on all lanes.
    pub(crate) fn ready(&self) -> usize {
        self.groups.iter().map(|group| group.nodes.len()).sum()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Snapshot({} ready on {} lanes)",
            self.ready(),
            self.groups.len()
        )
    }
}
