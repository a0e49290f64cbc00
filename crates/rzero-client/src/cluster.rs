//! The task of a channel: follows the registry, keeps nodes, publishes snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rzero_balance::Policy;
use rzero_core::{Address, Dial, Lane};
use rzero_registry::{Instance, InstanceId, Status, Watch};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::node::{Event, Node, State};
use crate::shared::{NodeView, Shared};
use crate::snapshot::{Group, Outlook, Ready, Snapshot};

/// Changes of node states that wait to be seen; a node waits when it is full.
const EVENTS_MAX: usize = 256;

/// How nodes are connected and chosen.
pub(crate) struct Recipe {
    pub(crate) protocol: &'static str,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) policy: Policy,
    pub(crate) connect_timeout: Duration,
}

/// Follows `watch` until the channel is gone. `wakes` names lanes that somebody calls.
pub(crate) async fn run(
    recipe: Recipe,
    mut watch: Watch,
    mut wakes: mpsc::Receiver<Lane>,
    channel: Weak<Shared>,
) {
    let (events, mut changes) = mpsc::channel(EVENTS_MAX);
    let mut cluster = Cluster::new(recipe, events);
    cluster.update(watch.current());
    let mut followed = true;
    loop {
        match channel.upgrade() {
            Some(shared) => shared.publish(cluster.snapshot(Instant::now()), cluster.views()),
            None => return,
        }
        // Fair on purpose; every branch is cancel safe.
        tokio::select! {
            alive = watch.changed(), if followed => match alive {
                true => cluster.update(watch.current()),
                // The source is gone: what we know stays, connections are still kept.
                false => followed = false,
            },
            lane = wakes.recv() => match lane {
                Some(lane) => cluster.wake(lane),
                // The channel holds the other end: it is gone.
                None => return,
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
    /// What the registry says.
    registered: Arc<rzero_registry::Snapshot>,
    /// The lanes of its instances.
    lanes: BTreeSet<Lane>,
    /// Lanes whose instances are dialed: the default lane, and those that somebody called. A
    /// rollout of thousands of instances costs a client nothing until it sends a call there.
    awake: BTreeSet<Lane>,
    /// Instances that are dialed.
    nodes: BTreeMap<InstanceId, Node>,
    events: mpsc::Sender<Event>,
}

impl Cluster {
    fn new(recipe: Recipe, events: mpsc::Sender<Event>) -> Self {
        Self {
            recipe,
            registered: Arc::new(rzero_registry::Snapshot::pending()),
            lanes: BTreeSet::new(),
            awake: BTreeSet::from([Lane::base()]),
            nodes: BTreeMap::new(),
            events,
        }
    }

    /// Takes over what the registry says.
    fn update(&mut self, registered: Arc<rzero_registry::Snapshot>) {
        self.lanes = registered
            .instances
            .iter()
            .map(|i| i.lane.clone())
            .collect();
        self.registered = registered;
        self.dial();
    }

    fn wake(&mut self, lane: Lane) {
        if self.awake.insert(lane) {
            self.dial();
        }
    }

    /// Dials what is known and awake. Nodes that stay keep connection and statistics.
    fn dial(&mut self) {
        let protocol = self.recipe.protocol;
        let awake = self
            .registered
            .instances
            .iter()
            .filter(|i| self.awake.contains(&i.lane));
        let wanted: BTreeMap<&InstanceId, (&Arc<Instance>, &Address)> = awake
            .filter_map(|i| Some((&i.id, (i, i.address(protocol)?))))
            .collect();
        self.nodes
            .retain(|id, node| wanted.get(id).is_some_and(|(_, at)| **at == node.address));
        for (id, (instance, address)) in wanted {
            if let Some(node) = self.nodes.get_mut(id) {
                node.instance = Arc::clone(instance);
            } else {
                let (dial, limit) = (Arc::clone(&self.recipe.dial), self.recipe.connect_timeout);
                let (instance, address) = (Arc::clone(instance), address.clone());
                let node = Node::start(instance, address, dial, limit, self.events.clone());
                self.nodes.insert(id.clone(), node);
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
        let ready = nodes().filter_map(|node| match &node.state {
            State::Ready(connection) => Some(Ready {
                instance: Arc::clone(&node.instance),
                stats: Arc::clone(&node.stats),
                connection: Arc::clone(connection),
            }),
            _ => None,
        });
        let dialing = nodes().any(|node| matches!(node.state, State::Connecting));
        let outlook = match () {
            () if !self.awake.contains(lane) => Outlook::Asleep,
            () if dialing || matches!(self.registered.status, Status::Pending) => Outlook::Hopeful,
            () => Outlook::Bleak,
        };
        Group::new(
            lane.clone(),
            ready.collect(),
            outlook,
            self.recipe.policy,
            now,
        )
    }

    fn views(&self) -> Vec<NodeView> {
        self.nodes
            .values()
            .map(|node| NodeView {
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
