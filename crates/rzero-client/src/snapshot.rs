//! What a call picks from: an immutable view of the nodes that take calls, lane by lane.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rzero_balance::{Candidate, NodeStats, Picker, Policy, Randomness, SlowStart, instance_key};
use rzero_core::{CallInfo, Connection, Lane};
use rzero_registry::Instance;
use rzero_resilience::retry::CancelCap;
use tokio::time::Instant;

use crate::governance::{LaneView, Lookout};

/// A node that takes calls.
pub(crate) struct Ready {
    pub(crate) instance: Arc<Instance>,
    pub(crate) stats: Arc<NodeStats>,
    pub(crate) connection: Arc<dyn Connection>,
    /// Where its failures are told.
    pub(crate) lookout: Arc<Lookout>,
    /// How many of its calls may be cancelled because a hedge won.
    pub(crate) cancels: Arc<OnceLock<CancelCap>>,
}

impl Ready {
    /// Whether it is the node that keeps `stats`, in whatever snapshot.
    #[inline]
    fn is(&self, other: &Ready) -> bool {
        Arc::ptr_eq(&self.stats, &other.stats)
    }

    /// Whether a repeated call may go there.
    fn is_fine(&self, now: Instant) -> bool {
        self.connection.is_open() && !self.stats.is_pushed_back(now)
    }
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

/// How nodes are chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) policy: Policy,
    pub(crate) slow_start: SlowStart,
}

/// The nodes of one lane.
pub(crate) struct Group {
    lane: Lane,
    nodes: Vec<Arc<Ready>>,
    picker: Box<dyn Picker>,
    pub(crate) outlook: Outlook,
    /// Whether ejection is suspended.
    suspended: bool,
}

impl Group {
    /// `nodes` come with their weights; those of weight 0 take calls only when nothing else does.
    pub(crate) fn new(
        lane: Lane,
        nodes: Vec<(Arc<Ready>, u32)>,
        outlook: Outlook,
        choice: Choice,
        now: Instant,
    ) -> Self {
        let candidates = nodes.iter().map(|(node, weight)| Candidate {
            key: instance_key(node.instance.id.as_str()),
            weight: *weight,
            stats: Arc::clone(&node.stats),
        });
        let random = Randomness::per_thread();
        let picker =
            (choice.policy).picker_with(candidates.collect(), now, choice.slow_start, random);
        Self {
            lane,
            nodes: nodes.into_iter().map(|(node, _)| node).collect(),
            picker,
            outlook,
            suspended: false,
        }
    }

    /// The same group, with ejection suspended or not.
    pub(crate) fn suspended(mut self, suspended: bool) -> Self {
        self.suspended = suspended;
        self
    }

    /// Whether a node is listed that takes no more calls: the next snapshot will not have it.
    pub(crate) fn is_stale(&self) -> bool {
        self.nodes.iter().any(|node| !node.connection.is_open())
    }

    /// Chooses a node whose connection takes calls: no lock, no allocation.
    #[inline]
    pub(crate) fn pick(&self, call: &CallInfo, now: Instant) -> Option<&Arc<Ready>> {
        let picked = self.picker.pick(call, now, None)?;
        if self.nodes[picked].connection.is_open() {
            return Some(&self.nodes[picked]);
        }
        // It was asked to leave a moment ago: once more without it, then whoever is left.
        let other = self.picker.pick(call, now, Some(picked));
        let other = other.map(|other| &self.nodes[other]);
        let open = |node: &&Arc<Ready>| node.connection.is_open();
        other.filter(open).or_else(|| self.nodes.iter().find(open))
    }

    /// Chooses a node for a repeated call: not the one that failed, and none that asked for a
    /// pause, when there is another.
    pub(crate) fn pick_other(
        &self,
        call: &CallInfo,
        now: Instant,
        failed: &Ready,
    ) -> Option<&Arc<Ready>> {
        let place = self.nodes.iter().position(|node| node.is(failed));
        let picked = self.picker.pick(call, now, place);
        let picked = picked.map(|picked| (picked, &self.nodes[picked]));
        let good = picked.filter(|(_, node)| !node.is(failed) && node.is_fine(now));
        if let Some((_, node)) = good {
            return Some(node);
        }
        // The picker draws and may miss the only good one; begun where it pointed, so that the
        // load is spread.
        let from = picked.map_or(0, |(at, _)| at);
        let all = self.nodes[from..].iter().chain(&self.nodes[..from]);
        let mut fine = all.filter(|node| !node.is(failed) && node.is_fine(now));
        fine.next().or_else(|| self.pick(call, now))
    }

    /// Whether a repeated call has another node to go to than `failed`.
    pub(crate) fn has_other(&self, failed: &Ready, now: Instant) -> bool {
        let mut all = self.nodes.iter();
        all.any(|node| !node.is(failed) && node.is_fine(now))
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
    #[inline]
    pub(crate) fn group(&self, lane: &Lane) -> &Group {
        let own = (!lane.is_base()).then(|| self.groups.iter().find(|group| group.lane == *lane));
        own.flatten().unwrap_or(&self.groups[0])
    }

    /// Nodes that take calls, on all lanes.
    pub(crate) fn ready(&self) -> usize {
        self.groups.iter().map(|group| group.nodes.len()).sum()
    }

    /// The lanes, for people.
    pub(crate) fn lanes(&self) -> Vec<LaneView> {
        let groups = self.groups.iter();
        groups
            .map(|group| LaneView {
                lane: group.lane.clone(),
                serving: group.nodes.len(),
                suspended: group.suspended,
            })
            .collect()
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
