//! Random choice in proportion to weights.

use rzero_core::CallInfo;
use tokio::time::Instant;

use super::Picker;
use crate::Randomness;
use crate::nodes::{Node, Nodes};
use crate::random::Dice;
use crate::sampler::Sampler;

/// Draws to find an admissible node.
const DRAWS: u32 = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct Random {
    nodes: Nodes,
    sampler: Option<Sampler>,
    random: Randomness,
}

impl Random {
    pub(crate) fn new(nodes: Nodes, random: Randomness) -> Self {
        let weights: Vec<u32> = nodes.list().iter().map(|node| node.weight).collect();
        Self {
            sampler: (!weights.is_empty()).then(|| Sampler::new(&weights)),
            nodes,
            random,
        }
    }

    fn draw(&self, avoid: Option<usize>, now: Instant, dice: &mut Dice) -> Option<&Node> {
        let sampler = self.sampler.as_ref()?;
        let list = self.nodes.list();
        let mut at = 0;
        for _ in 0..DRAWS {
            at = sampler.draw(dice);
            if self.nodes.admits(&list[at], avoid, now, dice) {
                return Some(&list[at]);
            }
        }
        Some(not_avoided(list, at, avoid))
    }
}

/// The node at `at`, or its neighbour when that one is to be avoided.
pub(super) fn not_avoided(list: &[Node], at: usize, avoid: Option<usize>) -> &Node {
    if avoid == Some(list[at].index) {
        &list[(at + 1) % list.len()]
    } else {
        &list[at]
    }
}

impl Picker for Random {
    fn pick(&self, _call: &CallInfo, now: Instant, avoid: Option<usize>) -> Option<usize> {
        let node = self.draw(avoid, now, &mut self.random.dice())?;
        node.stats.note_pick(now);
        Some(node.index)
    }
}
