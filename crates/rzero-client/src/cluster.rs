//! The task of a channel: follows the registry, keeps nodes, publishes snapshots.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rzero_balance::{Candidate, Policy, instance_key};
use rzero_core::{Address, Dial};
use rzero_registry::{Instance, InstanceId, Status, Watch};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::channel::Shared;
use crate::node::{Event, Node, State};
use crate::snapshot::{Outlook, Ready, Snapshot};

/// Changes of node states that wait to be seen; a node waits when it is full.
const EVENTS_MAX: usize = 256;

/// How nodes are connected and chosen.
pub(crate) struct Recipe {
    pub(crate) protocol: &'static str,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) policy: Policy,
    pub(crate) connect_timeout: Duration,
}

/// Follows `watch` until the channel is gone.
pub(crate) async fn run(recipe: Recipe, mut watch: Watch, channel: Weak<Shared>) {
    let (events, mut changes) = mpsc::channel(EVENTS_MAX);
    let mut cluster = Cluster {
        recipe,
        nodes: BTreeMap::new(),
        known: false,
        events,
    };
    let Some(closed) = channel.upgrade().map(|shared| shared.closed.clone()) else {
        return;
    };
    cluster.update(&watch.current());
    loop {
        match channel.upgrade() {
            Some(shared) => shared.publish(cluster.snapshot(Instant::now()), cluster.views()),
            None => return,
        }
        // Fair on purpose; every branch is cancel safe.
        tokio::select! {
            () = closed.reached(rzero_core::Phase::Done) => return,
            alive = watch.changed() => match alive {
                true => cluster.update(&watch.current()),
                // The source is gone: what we know stays, connections are still kept.
                false => std::future::pending().await,
            },
            Some(event) = changes.recv() => {
                cluster.apply(event);
                // Whatever changed meanwhile goes into the same snapshot.
                while let Ok(event) = changes.try_recv() {
                    cluster.apply(event);
                }
            }
        }
    }
}

struct Cluster {
    recipe: Recipe,
    nodes: BTreeMap<InstanceId, Node>,
    /// Whether discovery has answered at all.
    known: bool,
    events: mpsc::Sender<Event>,
}

impl Cluster {
    /// Takes over what the registry says: nodes that stay keep connection and statistics.
    fn update(&mut self, registered: &rzero_registry::Snapshot) {
        self.known = !matches!(registered.status, Status::Pending);
        let mut wanted: BTreeMap<InstanceId, (Arc<Instance>, Address)> = BTreeMap::new();
        for instance in &registered.instances {
            if let Some(address) = instance.addresses.get(self.recipe.protocol) {
                wanted.insert(instance.id.clone(), (Arc::clone(instance), address.clone()));
            }
        }
        self.nodes
            .retain(|id, node| wanted.get(id).is_some_and(|(_, a)| *a == node.address));
        for (id, (instance, address)) in wanted {
            match self.nodes.get_mut(&id) {
                Some(node) => node.instance = instance,
                None => {
                    let (dial, limit) =
                        (Arc::clone(&self.recipe.dial), self.recipe.connect_timeout);
                    let node = Node::start(instance, address, dial, limit, self.events.clone());
                    self.nodes.insert(id, node);
                }
            }
        }
    }

    fn apply(&mut self, event: Event) {
        // An event of a node that was replaced meanwhile has another address.
        if let Some(node) = self
            .nodes
            .get_mut(&event.id)
            .filter(|n| n.address == event.address)
        {
            node.state = event.state;
        }
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        let ready = |node: &Node| match &node.state {
            State::Ready(connection) => Some(Ready {
                instance: Arc::clone(&node.instance),
                stats: Arc::clone(&node.stats),
                connection: Arc::clone(connection),
            }),
            _ => None,
        };
        let nodes: Vec<Ready> = self.nodes.values().filter_map(ready).collect();
        let candidates = nodes.iter().map(|node| Candidate {
            key: instance_key(node.instance.id.as_str()),
            weight: node.instance.weight.get(),
            stats: Arc::clone(&node.stats),
        });
        let picker = self.recipe.policy.picker(candidates.collect(), now);
        let dialing = self
            .nodes
            .values()
            .any(|node| matches!(node.state, State::Connecting));
        let outlook = if dialing || !self.known {
            Outlook::Hopeful
        } else {
            Outlook::Bleak
        };
        Snapshot {
            nodes,
            picker,
            outlook,
        }
    }

    fn views(&self) -> Vec<crate::NodeView> {
        self.nodes
            .values()
            .map(|node| crate::NodeView {
                id: node.instance.id.to_string(),
                address: node.address.clone(),
                state: node.state.name(),
                in_flight: node.stats.in_flight(),
                version: node.instance.version.clone(),
                lane: node.instance.lane.clone(),
            })
            .collect()
    }
}
