//! Deterministic subsets: which of very many nodes a client keeps connections to.

use serde::Deserialize;

use crate::key::mix;

/// When clients keep a subset, and how large. Zones and lanes are told apart first, and each is
/// judged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubsetConfig {
    /// Up to so many nodes all are kept. Default 64.
    pub above: usize,
    /// Members of a subset. Default 32, at least 1 and at most `above`.
    pub size: usize,
    /// One reserve for so many members is kept ready, to stand in for one that is not; 0 = none.
    /// Default 8.
    pub members_per_reserve: usize,
}

impl Default for SubsetConfig {
    fn default() -> Self {
        Self {
            above: 64,
            size: 32,
            members_per_reserve: 8,
        }
    }
}

impl SubsetConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The name of the key that is out of range, and the range.
    pub fn validate(&self) -> Result<(), String> {
        if (1..=self.above).contains(&self.size) {
            return Ok(());
        }
        Err(format!(
            "size {} is out of range, write 1 to {}, the value of `above`",
            self.size, self.above
        ))
    }

    const fn reserves(&self) -> usize {
        match self.members_per_reserve {
            0 => 0,
            members => self.size / members,
        }
    }
}

/// The nodes that one client keeps of one lane and zone.
///
/// Every client ranks the nodes by a hash of (client, node), rendezvous hashing, and keeps the
/// first ones. Ranks depend on nothing else, so a node that comes or goes changes at most one
/// member of each client's subset, and a restarted client with the same id finds the same nodes. Over
/// many clients nodes are drawn evenly, as by independent dice: with 300 clients keeping 32 of
/// 200 nodes, the most loaded node has about 1.35 times the mean.
///
/// ```
/// use rzero_balance::{Subset, SubsetConfig, instance_key};
///
/// let nodes: Vec<u64> = (0..200).map(|i| instance_key(&format!("node-{i}"))).collect();
/// let client = instance_key("client-7");
/// let subset = Subset::choose(client, &nodes, SubsetConfig::default());
/// assert_eq!(subset.kept().len(), 32 + 4);
/// // All kept nodes are dialed; calls go to the first 32 that are ready.
/// let broken = subset.kept()[0];
/// assert_eq!(subset.active(|at| at != broken).count(), 32);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    kept: Vec<usize>,
    size: usize,
}

impl Subset {
    /// What `client` keeps of `nodes`; both are [`instance_key`](crate::instance_key)s, the nodes
    /// those of one lane and zone, in any order, each once. O(n log n), for every change of the
    /// nodes.
    #[must_use]
    pub fn choose(client: u64, nodes: &[u64], config: SubsetConfig) -> Self {
        let mut kept: Vec<usize> = (0..nodes.len()).collect();
        if nodes.len() <= config.above {
            let size = nodes.len();
            return Self { kept, size };
        }
        let salt = mix(client);
        // The key decides between equal hashes, so that the order of the list never does.
        kept.sort_unstable_by_key(|at| (mix(nodes[*at] ^ salt), nodes[*at]));
        kept.truncate(config.size + config.reserves());
        let size = config.size;
        Self { kept, size }
    }

    /// Indices of the nodes to keep connections to: members, then reserves, in the client's order
    /// of preference.
    #[must_use]
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// Indices of the nodes that take calls: the first ones that are ready, as many as a subset
    /// has members. So a reserve stands in at once for a member that is not ready, and gives way
    /// when it is back.
    pub fn active(&self, ready: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
        let ready = self.kept.iter().copied().filter(move |at| ready(*at));
        ready.take(self.size)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::instance_key;

    fn nodes(count: usize) -> Vec<u64> {
        let keys = (0..count).map(|i| instance_key(&format!("10.0.{}.{}:80", i / 250, i % 250)));
        keys.collect()
    }

    fn client(number: usize) -> u64 {
        instance_key(&format!("client-{number}"))
    }

    /// The members, by key.
    fn members(client: u64, nodes: &[u64]) -> BTreeSet<u64> {
        let subset = Subset::choose(client, nodes, SubsetConfig::default());
        subset.active(|_| true).map(|at| nodes[at]).collect()
    }

    #[test]
    fn up_to_64_nodes_all_are_kept() {
        for (count, kept) in [(0, 0), (1, 1), (64, 64), (65, 36), (500, 36)] {
            let subset = Subset::choose(7, &nodes(count), SubsetConfig::default());
            assert_eq!(subset.kept().len(), kept, "{count}");
        }
    }

    #[test]
    fn node_that_comes_or_goes_changes_one_member_at_most() {
        let all = nodes(201);
        for number in 0..100 {
            let client = client(number);
            let before = members(client, &all[..200]);
            let joined = members(client, &all);
            assert!(before.difference(&joined).count() <= 1);
            let gone = all[number];
            let rest: Vec<u64> = all[..200].iter().copied().filter(|n| *n != gone).collect();
            let left = members(client, &rest);
            let lost: Vec<u64> = before.difference(&left).copied().collect();
            assert!(lost.is_empty() || lost == [gone]);
            assert_eq!(left.len(), 32);
        }
    }

    #[test]
    fn order_of_discovery_does_not_matter() {
        let all = nodes(100);
        let mut turned = all.clone();
        turned.reverse();
        assert_eq!(members(client(1), &all), members(client(1), &turned));
    }

    #[test]
    fn load_is_even_over_clients() {
        let all = nodes(200);
        let mut load = vec![0_u32; all.len()];
        for number in 0..300 {
            let subset = Subset::choose(client(number), &all, SubsetConfig::default());
            subset.active(|_| true).for_each(|at| load[at] += 1);
        }
        let mean = 300.0 * 32.0 / 200.0;
        let most = f64::from(*load.iter().max().unwrap());
        assert!(most <= 1.5 * mean, "{:.2}", most / mean);
    }

    #[test]
    fn reserve_stands_in_for_a_dead_member() {
        let all = nodes(100);
        let subset = Subset::choose(client(3), &all, SubsetConfig::default());
        let dead = subset.kept()[5];
        let active: Vec<usize> = subset.active(|at| at != dead).collect();
        assert_eq!(active.len(), 32);
        assert_eq!(active.last(), Some(&subset.kept()[32]));
        let survivors = subset.active(|_| true).filter(|at| *at != dead).count();
        assert_eq!(survivors, 31, "nobody else changes");
        assert_eq!(subset.active(|_| false).count(), 0);
    }

    #[test]
    fn mistakes_name_the_key() {
        let config = SubsetConfig::default();
        assert_eq!(config.validate(), Ok(()));
        let size = SubsetConfig { size: 65, ..config };
        let want = "size 65 is out of range, write 1 to 64, the value of `above`";
        assert_eq!(size.validate(), Err(want.to_owned()));
    }
}
