//! Power of two choices by peak EWMA.
//!
//! Two nodes are drawn and the less loaded one takes the call. With `latency` the peak EWMA,
//!
//! ```text
//! load = latency x (in flight x mean weight / weight + 1) x failure factor
//! ```
//!
//! The first node is drawn by weight; the second, drawn evenly, takes over when its load is lower,
//! with probability min(1, (load / weight of the first) / (load / weight of the second)). With equal
//! weights that is the plain rule "the lower load wins". With unequal ones it keeps idle nodes in
//! proportion: comparing `latency x (in flight + 1) / weight` alone would, without calls in flight,
//! send everything to the heaviest node.
//!
//! An estimate is only as good as its last sample. So a sweep over the nodes, a few at a time,
//! looks for those not picked for a while and forces a pick.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rzero_core::CallInfo;
use tokio::time::Instant;

use super::Picker;
use crate::Randomness;
use crate::nodes::{Node, Nodes};
use crate::random::Dice;
use crate::sampler::Sampler;
use crate::stats::micros;

/// Draws to find two healthy nodes.
const DRAWS: u32 = 3;
/// A node not picked for this long is forced; with a sweep every [`SWEEP`] every node is picked
/// once a second.
const FORCE_AFTER: Duration = Duration::from_millis(700);
/// Time in which the sweep passes all nodes.
const SWEEP: Duration = Duration::from_millis(200);
/// Most nodes that one pick looks at in the sweep.
const SWEEP_STEP: u64 = 8;
/// At most one of so many picks may be forced, so that few calls are not all sent to bad nodes.
const FORCED_OF: u32 = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct P2c {
    nodes: Nodes,
    sampler: Option<Sampler>,
    random: Randomness,
    built: Instant,
    /// How many nodes the sweep has passed since `built`; node number = this modulo length.
    swept: AtomicU64,
}

impl P2c {
    pub(crate) fn new(nodes: Nodes, now: Instant, random: Randomness) -> Self {
        let weights: Vec<u32> = nodes.list().iter().map(|node| node.weight).collect();
        Self {
            sampler: (!weights.is_empty()).then(|| Sampler::new(&weights)),
            nodes,
            random,
            built: now,
            swept: AtomicU64::new(0),
        }
    }

    /// A node that was not picked for long, when the sweep meets one.
    fn overdue(&self, avoid: Option<usize>, now: Instant) -> Option<&Node> {
        let list = self.nodes.list();
        let n = list.len() as u64;
        let elapsed = micros(now.saturating_duration_since(self.built));
        let target = elapsed.saturating_mul(n) / micros(SWEEP);
        let swept = self.swept.load(Relaxed);
        if target <= swept {
            return None;
        }
        // After a pause one round or two are enough. Whole rounds are left out, so that the next
        // node in turn stays the next.
        let from = swept + ((target - swept) / n).saturating_sub(1) * n;
        let to = target.min(from + SWEEP_STEP);
        self.swept
            .compare_exchange(swept, to, Relaxed, Relaxed)
            .ok()?;
        for at in from..to {
            let node = &list[usize::try_from(at % n).unwrap_or(0)];
            if avoid != Some(node.index)
                && !node.stats.is_pushed_back(now)
                && node.stats.claim_if_unpicked(FORCE_AFTER, now)
            {
                // The rest of the step is for the next pick, unless another thread moved on.
                let _ = self.swept.compare_exchange(to, at + 1, Relaxed, Relaxed);
                return Some(node);
            }
        }
        None
    }

    /// The better of two different nodes drawn, at best both healthy.
    fn duel(&self, avoid: Option<usize>, now: Instant, dice: &mut Dice) -> Option<&Node> {
        let sampler = self.sampler.as_ref()?;
        let list = self.nodes.list();
        let others = self.nodes.count() - 1;
        let mut best: Option<&Node> = None;
        for _ in 0..DRAWS {
            let first = sampler.draw(dice);
            let other = dice.below(others) as usize;
            let pair = [first, other + usize::from(other >= first)].map(|i| &list[i]);
            let [a, b] = pair.map(|node| {
                avoid != Some(node.index)
                    && node.stats.is_healthy(now)
                    && dice.chance(self.nodes.warmth(node, now))
            });
            match (a, b) {
                (true, true) => return Some(self.better(pair[0], pair[1], now, dice)),
                (true, false) => best = Some(pair[0]),
                (false, true) => best = Some(pair[1]),
                (false, false) => {}
            }
        }
        best.or_else(|| self.least_bad(avoid, now, dice))
    }

    /// Of two nodes drawn, none of which is good, the better one that is not to be avoided.
    fn least_bad(&self, avoid: Option<usize>, now: Instant, dice: &mut Dice) -> Option<&Node> {
        let list = self.nodes.list();
        let first = self.sampler.as_ref()?.draw(dice);
        let second = (first + 1 + dice.below(self.nodes.count() - 1) as usize) % list.len();
        let (a, b) = (&list[first], &list[second]);
        Some(if avoid == Some(a.index) {
            b
        } else if avoid == Some(b.index) {
            a
        } else {
            match (a.stats.is_pushed_back(now), b.stats.is_pushed_back(now)) {
                (true, false) => b,
                (false, true) => a,
                _ => self.better(a, b, now, dice),
            }
        })
    }

    #[inline]
    fn better<'a>(&self, a: &'a Node, b: &'a Node, now: Instant, dice: &mut Dice) -> &'a Node {
        let (mut latency_a, mut latency_b) = (a.stats.latency_us(), b.stats.latency_us());
        // A node without any sample counts as fast as the other one.
        if latency_a == 0.0 {
            latency_a = latency_b.max(1.0);
        }
        if latency_b == 0.0 {
            latency_b = latency_a;
        }
        let (relief_a, relief_b) = (self.relief(a, now), self.relief(b, now));
        let load_a = load(a, latency_a, relief_a);
        let load_b = load(b, latency_b, relief_b);
        let b_wins = load_b < load_a && dice.chance(load_a * a.relief / (load_b * b.relief));
        if b_wins { b } else { a }
    }

    #[inline]
    fn relief(&self, node: &Node, now: Instant) -> f32 {
        node.relief / self.nodes.warmth(node, now)
    }
}

#[inline]
fn load(node: &Node, latency_us: f32, relief: f32) -> f32 {
    let busy = node.stats.in_flight() as f32 * relief + 1.0;
    latency_us * busy * node.stats.failure_factor()
}

impl Picker for P2c {
    fn pick(&self, _call: &CallInfo, now: Instant, avoid: Option<usize>) -> Option<usize> {
        let mut dice = self.random.dice();
        let node = match self.nodes.list() {
            [] => return None,
            [only] => only,
            _ => {
                let forced = match dice.below(FORCED_OF) {
                    0 => self.overdue(avoid, now),
                    _ => None,
                };
                forced.or_else(|| self.duel(avoid, now, &mut dice))?
            }
        };
        node.stats.note_pick(now);
        Some(node.index)
    }
}
