//! Consistent hashing with bounded load.
//!
//! A key is hashed to one of [`SLOTS`] slots, and each slot belongs to the node that wins the
//! weighted rendezvous for it. So shares follow weights, a lookup is one array access, and when a
//! node leaves only its own slots move: the order of the others does not change. Building costs
//! slots x nodes hashes: some milliseconds for 100 nodes. Above about 1,000 nodes a slot is coarse; use
//! a subset of the nodes there.
//!
//! A node takes no more than `load factor` times its fair share of the calls in flight; what is
//! above goes to the owners of further slots of the same key. The sum of the calls in flight is
//! kept by looking at four nodes per pick, so it lags by (nodes / 4) picks.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Relaxed},
};

use rzero_core::CallInfo;
use tokio::time::Instant;

use super::{P2c, Picker};
use crate::key::mix;
use crate::nodes::{Node, Nodes};
use crate::random::{GOLDEN, scale};
use crate::{LoadFactor, Randomness};

/// Slots of the table.
const SLOTS: u32 = 1 << 14;
/// Slots of one key that are tried before the nodes are walked one by one.
const PROBES: u64 = 4;
/// Nodes that are walked at most.
const WALK: usize = 64;
/// Nodes whose calls in flight are looked at by each pick.
const LOOKS: u64 = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct ConsistentHash {
    nodes: Nodes,
    /// Owner of each slot; empty without nodes.
    slots: Box<[u32]>,
    in_flight: InFlight,
    factor: f64,
    weight_total: f64,
    /// For calls without a key.
    keyless: P2c,
}

/// The calls in flight on each node as last seen, and their sum.
#[derive(Debug)]
struct InFlight {
    seen: Box<[AtomicU32]>,
    total: AtomicU64,
    next: AtomicU64,
}

impl ConsistentHash {
    pub(crate) fn new(nodes: Nodes, now: Instant, random: Randomness, factor: LoadFactor) -> Self {
        Self {
            slots: assign(nodes.list()),
            in_flight: InFlight::new(nodes.list()),
            factor: factor.get(),
            weight_total: nodes.list().iter().map(|n| f64::from(n.weight)).sum(),
            keyless: P2c::new(nodes.clone(), now, random),
            nodes,
        }
    }

    /// The first node in the order of `key` that has room; without one, the least loaded seen.
    fn place(&self, key: u64, avoid: Option<usize>, now: Instant) -> Option<&Node> {
        let list = self.nodes.list();
        if list.is_empty() {
            return None;
        }
        self.in_flight.refresh(list);
        let room = self.factor * self.in_flight.with_one_more();
        let start = scale(
            mix(key ^ GOLDEN),
            u32::try_from(list.len()).unwrap_or(u32::MAX),
        );
        let probes = (0..PROBES).map(|k| self.owner(key, k));
        let walk = (0..list.len().min(WALK)).map(|k| (start as usize + k) % list.len());
        let mut least: Option<(f64, &Node)> = None;
        for at in probes.chain(walk) {
            let node = &list[at];
            if avoid == Some(node.index) && list.len() > 1 {
                continue;
            }
            let weight = f64::from(node.weight);
            let busy = f64::from(self.in_flight.look(list, at));
            let paused = node.stats.is_pushed_back(now);
            if !paused && busy + 1.0 <= (room * weight / self.weight_total).ceil() {
                return Some(node);
            }
            let load = (busy + 1.0) / weight * if paused { 1e6 } else { 1.0 };
            if least.is_none_or(|(other, _)| load < other) {
                least = Some((load, node));
            }
        }
        least.map(|(_, node)| node)
    }

    /// Owner of slot number `k` of `key`.
    #[inline]
    fn owner(&self, key: u64, k: u64) -> usize {
        let hash = mix(key.wrapping_add(k.wrapping_mul(GOLDEN)));
        self.slots[scale(hash, SLOTS) as usize] as usize
    }
}

impl Picker for ConsistentHash {
    fn pick(&self, call: &CallInfo, now: Instant, avoid: Option<usize>) -> Option<usize> {
        let Some(key) = call.hash_key() else {
            return self.keyless.pick(call, now, avoid);
        };
        let node = self.place(key, avoid, now)?;
        node.stats.note_pick(now);
        Some(node.index)
    }
}

impl InFlight {
    fn new(list: &[Node]) -> Self {
        let this = Self {
            seen: list.iter().map(|_| AtomicU32::new(0)).collect(),
            total: AtomicU64::new(0),
            next: AtomicU64::new(0),
        };
        for at in 0..list.len() {
            this.look(list, at);
        }
        this
    }

    /// Calls in flight on node `at`; the sum follows. Each change is added once, so the sum is
    /// always that of `seen`, whatever the threads do.
    fn look(&self, list: &[Node], at: usize) -> u32 {
        let now = list[at].stats.in_flight();
        let before = self.seen[at].swap(now, AcqRel);
        if now != before {
            let change = u64::from(now).wrapping_sub(u64::from(before));
            self.total.fetch_add(change, AcqRel);
        }
        now
    }

    fn refresh(&self, list: &[Node]) {
        let from = self.next.fetch_add(LOOKS, Relaxed);
        for at in from..from + LOOKS.min(list.len() as u64) {
            self.look(list, usize::try_from(at % list.len() as u64).unwrap_or(0));
        }
    }

    /// The sum with the call that is being placed. Between the two steps of a look it may be
    /// momentarily below zero.
    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        reason = "counts of calls"
    )]
    fn with_one_more(&self) -> f64 {
        (self.total.load(Relaxed) as i64).max(0) as f64 + 1.0
    }
}

/// The owner of each slot: the node with the smallest -ln(u) / weight, u being the node's number
/// in 0..1 for the slot. Among equal weights the largest u wins, so logarithms are taken once for each
/// weight, not for each node.
fn assign(list: &[Node]) -> Box<[u32]> {
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_unstable_by_key(|&at| (list[at].weight, list[at].key));
    let groups: Vec<&[usize]> = order
        .chunk_by(|&a, &b| list[a].weight == list[b].weight)
        .collect();
    let slots = if list.is_empty() { 0 } else { u64::from(SLOTS) };
    (0..slots)
        .map(|slot| {
            let salt = mix(slot.wrapping_mul(GOLDEN) ^ 0x5bf0_3635_d1f1_ac2d);
            let best = |group: &&[usize]| {
                let number = |at: &usize| (mix(list[*at].key ^ salt), *at);
                group.iter().map(number).max_by_key(|(u, _)| *u)
            };
            let cost = |(u, at): (u64, usize)| {
                let unit = (u as f64 + 1.0) / 18_446_744_073_709_551_616.0;
                (-unit.min(1.0).ln() / f64::from(list[at].weight), at)
            };
            (groups.iter().filter_map(best).map(cost))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map_or(0, |(_, at)| u32::try_from(at).unwrap_or(0))
        })
        .collect()
}
