//! Smooth weighted round robin.
//!
//! The turns of one round are computed when the snapshot is built and a shared counter walks over
//! them, so a pick is one atomic addition. In a round every node has as many turns as its weight
//! (divided by the common divisor), spread evenly: turn k of a node of weight w stands at
//! (k + phase) / w of the round, the phases being different so that light nodes are spread too.
//! A round has at most [`TURNS_MAX`] turns, or four for each node when that is more; beyond that,
//! weights are scaled and rounded, to at least one turn.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rzero_core::CallInfo;
use tokio::time::Instant;

use super::Picker;
use super::random::not_avoided;
use crate::Randomness;
use crate::nodes::{Node, Nodes};
use crate::random::GOLDEN;

/// Most turns of a round, as long as every node has four.
const TURNS_MAX: u64 = 4096;
/// Turns tried to find an admissible node.
const TRIES: u32 = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct RoundRobin {
    nodes: Nodes,
    turns: Box<[u32]>,
    cursor: AtomicU64,
    random: Randomness,
}

impl RoundRobin {
    pub(crate) fn new(nodes: Nodes, random: Randomness) -> Self {
        let weights: Vec<u64> = (nodes.list().iter())
            .map(|node| u64::from(node.weight))
            .collect();
        let turns = schedule(&share_turns(&weights));
        // A random first turn: clients that rebuild at the same moment do not all begin with the
        // same node.
        let start = random.dice().next() % (turns.len().max(1) as u64);
        Self {
            nodes,
            turns,
            cursor: AtomicU64::new(start),
            random,
        }
    }

    fn turn(&self, avoid: Option<usize>, now: Instant) -> Option<&Node> {
        if self.turns.is_empty() {
            return None;
        }
        let mut dice = self.random.dice();
        let list = self.nodes.list();
        let mut at = 0;
        for _ in 0..TRIES {
            let turn = self.cursor.fetch_add(1, Relaxed) % self.turns.len() as u64;
            at = self.turns[usize::try_from(turn).unwrap_or(0)] as usize;
            if self.nodes.admits(&list[at], avoid, now, &mut dice) {
                return Some(&list[at]);
            }
        }
        Some(not_avoided(list, at, avoid))
    }
}

impl Picker for RoundRobin {
    fn pick(&self, _call: &CallInfo, now: Instant, avoid: Option<usize>) -> Option<usize> {
        let node = self.turn(avoid, now)?;
        node.stats.note_pick(now);
        Some(node.index)
    }
}

/// How many turns each weight has in a round.
fn share_turns(weights: &[u64]) -> Vec<u64> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let total: u64 = weights.iter().map(|w| w / divisor).sum();
    let max = TURNS_MAX.max(4 * weights.len() as u64);
    let scale = |weight: u64| (weight * max + total / 2) / total;
    (weights.iter().map(|w| w / divisor))
        .map(|w| if total <= max { w } else { scale(w).max(1) })
        .collect()
}

/// The order of one round: O(turns x log nodes).
#[expect(
    clippy::cast_possible_truncation,
    reason = "the quotient of a fraction of 2^64 fits 64 bits, a node's number 32"
)]
fn schedule(turns: &[u64]) -> Box<[u32]> {
    // Positions are fractions of the round in 1/2^64.
    let position = |node: u32, k: u64| {
        let phase = (u64::from(node) + 1).wrapping_mul(GOLDEN);
        let at = (u128::from(k) << 64) | u128::from(phase);
        (at / u128::from(turns[node as usize])) as u64
    };
    let mut queue: BinaryHeap<_> = (0..turns.len() as u32)
        .map(|node| Reverse((position(node, 0), node, 0)))
        .collect();
    let mut order = Vec::with_capacity(turns.iter().sum::<u64>() as usize);
    while let Some(Reverse((_, node, k))) = queue.pop() {
        order.push(node);
        if k + 1 < turns[node as usize] {
            queue.push(Reverse((position(node, k + 1), node, k + 1)));
        }
    }
    order.into()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_gives_each_node_its_turns() {
        let turns = schedule(&share_turns(&[500, 100, 100]));
        let count = |node| turns.iter().filter(|t| **t == node).count();
        assert_eq!([count(0), count(1), count(2)], [5, 1, 1]);
    }

    #[test]
    fn turns_of_a_node_are_spread() {
        let turns = schedule(&share_turns(&[2, 2, 4]));
        let twice = (turns.iter().zip(turns.iter().cycle().skip(1)))
            .filter(|(a, b)| a == b && **a != 2)
            .count();
        assert_eq!(twice, 0, "{turns:?}");
    }

    #[test]
    fn a_round_is_bounded_and_leaves_nobody_out() {
        let weights: Vec<u64> = (0..100)
            .map(|i| 1 + i * 40_000_003 % 4_000_000_000)
            .collect();
        let turns = schedule(&share_turns(&weights));
        assert!(turns.len() <= 4300, "{}", turns.len());
        assert!((0..100).all(|node| turns.contains(&node)));
    }
}
