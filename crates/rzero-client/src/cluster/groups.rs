//! Which instances are dialed, and which of them take calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rzero_balance::{Subset, SubsetConfig, Zoned, instance_key, prefer_zone};
use rzero_core::{Address, Lane};
use rzero_registry::{Instance, InstanceId, Status};
use tokio::time::Instant;

use super::{Cluster, Recipe};
use crate::node::{Node, Place, State};
use crate::snapshot::{Choice, Group, Outlook, Ready, Snapshot};

/// An instance that should be dialed.
pub(super) struct Wanted<'a> {
    pub(super) instance: &'a Arc<Instance>,
    pub(super) address: &'a Address,
    pub(super) place: Place,
}

/// What should be dialed: the instances that speak our protocol on lanes that are awake, and of
/// very many ones in a lane and zone those that this client keeps.
pub(super) fn wanted<'a>(
    registered: &'a rzero_registry::Snapshot,
    awake: &BTreeSet<Lane>,
    recipe: &Recipe,
    config: SubsetConfig,
) -> BTreeMap<&'a InstanceId, Wanted<'a>> {
    let mut families: BTreeMap<_, Vec<Wanted<'a>>> = BTreeMap::new();
    let all = registered.instances.iter();
    for instance in all.filter(|i| awake.contains(&i.lane)) {
        if let Some(address) = instance.address(recipe.protocol) {
            let family = families.entry((&instance.lane, &instance.zone));
            family.or_default().push(Wanted {
                instance,
                address,
                place: Place::default(),
            });
        }
    }
    let kept = families.into_values();
    kept.flat_map(|family| keep(family, recipe.client, config))
        .map(|wanted| (&wanted.instance.id, wanted))
        .collect()
}

/// The part of a family that this client keeps, each with its place.
fn keep<'a>(family: Vec<Wanted<'a>>, client: u64, config: SubsetConfig) -> Vec<Wanted<'a>> {
    if family.len() <= config.above {
        return family;
    }
    let keys: Vec<u64> = (family.iter())
        .map(|wanted| instance_key(wanted.instance.id.as_str()))
        .collect();
    let subset = Subset::choose(client, &keys, config);
    let mut family: Vec<Option<Wanted<'a>>> = family.into_iter().map(Some).collect();
    let kept = subset.kept().iter().enumerate();
    kept.filter_map(|(rank, at)| {
        let mut wanted = family[*at].take()?;
        let members = config.size;
        wanted.place = Place { rank, members };
        Some(wanted)
    })
    .collect()
}

impl Cluster {
    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let others = self.lanes.iter().filter(|lane| !lane.is_base());
        let base = self.group(&Lane::base(), now);
        Snapshot::new(base, others.map(|lane| self.group(lane, now)))
    }

    fn group(&self, lane: &Lane, now: Instant) -> Group {
        let nodes = || {
            self.nodes
                .values()
                .filter(|node| node.instance.lane == *lane)
        };
        let dialing = nodes().any(|node| matches!(node.state, State::Connecting));
        let outlook = match () {
            () if !self.awake.contains(lane) => Outlook::Asleep,
            () if dialing || matches!(self.registered.status, Status::Pending) => Outlook::Hopeful,
            () => Outlook::Bleak,
        };
        let choice = Choice {
            policy: self.recipe.policy,
            slow_start: self.policy.slow_start,
        };
        let serving = self.serving(nodes().collect());
        Group::new(lane.clone(), serving, outlook, choice, now)
            .suspended(self.suspended.contains(lane))
    }

    /// The nodes of a lane that take calls, with the weights to balance with.
    fn serving(&self, nodes: Vec<&Node>) -> Vec<(Arc<Ready>, u32)> {
        let mut zones: BTreeMap<&Option<String>, Vec<&Node>> = BTreeMap::new();
        for node in nodes {
            zones.entry(&node.instance.zone).or_default().push(node);
        }
        // What belongs to the lane: members that are away count, reserves that are idle do not.
        let mut known: Vec<(&Node, bool)> = Vec::new();
        for mut zone in zones.into_values() {
            zone.sort_by_key(|node| node.place.rank);
            let members = zone.first().map_or(0, |node| node.place.members);
            let mut left = members;
            for node in zone {
                let serves = node.serves() && left > 0;
                left -= usize::from(serves);
                if serves || node.place.rank < members {
                    known.push((node, serves));
                }
            }
        }
        let weights = self.weights(&known);
        let serving = known.into_iter().zip(weights);
        serving
            .filter(|((_, serves), _)| *serves)
            .filter_map(|((node, _), weight)| Some((node.ready(&self.recipe.lookout)?, weight)))
            .collect()
    }

    /// The registered weights, or those that keep calls in our own zone.
    fn weights(&self, known: &[(&Node, bool)]) -> Vec<u32> {
        let own = self.recipe.zone.as_deref();
        let Some(own) = own.filter(|_| self.policy.zone.prefer) else {
            let nodes = known.iter();
            return nodes.map(|(node, _)| node.instance.weight.get()).collect();
        };
        let zoned = known.iter().map(|(node, serves)| Zoned {
            weight: node.instance.weight.get(),
            local: node.instance.zone.as_deref() == Some(own),
            ready: *serves,
        });
        prefer_zone(&zoned.collect::<Vec<_>>(), self.policy.zone.spill_below)
    }
}
