//! The live nodes of a snapshot, and the slow start of new ones.

use std::sync::Arc;

use tokio::time::Instant;

use crate::random::Dice;
use crate::{Candidate, NodeStats, SlowStart};

/// One candidate of weight above 0.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its place in the caller's list.
    pub(crate) index: usize,
    pub(crate) key: u64,
    pub(crate) weight: u32,
    /// Mean weight of the snapshot divided by the weight of this node.
    pub(crate) relief: f32,
    pub(crate) stats: Arc<NodeStats>,
}

/// The candidates of weight above 0, in the caller's order.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    list: Box<[Node]>,
    slow_start: SlowStart,
    /// Birth of the oldest node: warmth is relative to it, so that a client that just started,
    /// to whom all nodes are new, spreads evenly.
    oldest: Instant,
    /// From then on all nodes are warm.
    warm_at: Instant,
}

impl Nodes {
    /// Takes the live candidates and gives those without a latency sample the median of the rest.
    #[expect(
        clippy::cast_precision_loss,
        reason = "weights need no more than a float"
    )]
    pub(crate) fn new(candidates: Vec<Candidate>, now: Instant, slow_start: SlowStart) -> Self {
        let live = || candidates.iter().filter(|c| c.weight > 0);
        let total: f32 = live().map(|c| c.weight as f32).sum();
        let mean = total / live().count().max(1) as f32;
        let births = || live().map(|c| c.stats.warm_since());
        let oldest = births().min().unwrap_or(now);
        let youngest = births().max().unwrap_or(now);
        let list: Box<[Node]> = (candidates.into_iter().enumerate())
            .filter(|(_, c)| c.weight > 0)
            .map(|(index, c)| Node {
                index,
                key: c.key,
                weight: c.weight,
                relief: mean / c.weight as f32,
                stats: c.stats,
            })
            .collect();
        seed_by_median(&list, now);
        let alike = youngest.saturating_duration_since(oldest).is_zero();
        let warm_at = if alike {
            now
        } else {
            youngest + slow_start.window
        };
        Self {
            list,
            slow_start,
            oldest,
            warm_at,
        }
    }

    #[inline]
    pub(crate) fn list(&self) -> &[Node] {
        &self.list
    }

    /// The number of nodes. Discovery does not reach 2^32.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    /// The part of its weight that `node` may use by its slow start, relative to the oldest node.
    #[inline]
    pub(crate) fn warmth(&self, node: &Node, now: Instant) -> f32 {
        if now >= self.warm_at {
            return 1.0;
        }
        let own = self.slow_start.warmth(node.stats.warm_since(), now);
        own / self.slow_start.warmth(self.oldest, now)
    }

    /// Whether a draw of `node` should stand: not the one to avoid, not paused, and let through
    /// by its slow start.
    #[inline]
    pub(crate) fn admits(
        &self,
        node: &Node,
        avoid: Option<usize>,
        now: Instant,
        dice: &mut Dice,
    ) -> bool {
        avoid != Some(node.index)
            && !node.stats.is_pushed_back(now)
            && dice.chance(self.warmth(node, now))
    }
}

fn seed_by_median(list: &[Node], now: Instant) {
    let mut known: Vec<f32> = (list.iter().map(|node| node.stats.latency_us()))
        .filter(|latency| *latency > 0.0)
        .collect();
    if known.is_empty() || known.len() == list.len() {
        return;
    }
    let middle = known.len() / 2;
    let (_, median, _) = known.select_nth_unstable_by(middle, f32::total_cmp);
    for node in list {
        node.stats.seed(*median, now);
    }
}
