//! The task of a channel: follows the registry, keeps nodes, publishes snapshots.

mod ejection;
mod groups;
mod probe;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rzero_balance::{OutlierConfig, Outliers, Policy, Randomness};
use rzero_core::{Dial, Lane};
use rzero_policy::{ClientPolicy, PolicyWatch};
use rzero_registry::{InstanceId, Watch};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::groups::wanted;
use crate::governance::Lookout;
use crate::node::{Change, Event, Node};
use crate::shared::{Known, Shared};

/// Changes of node states that wait to be seen; a node waits when it is full.
const EVENTS_MAX: usize = 256;

/// How nodes are connected and chosen.
pub(crate) struct Recipe {
    pub(crate) protocol: &'static str,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) policy: Policy,
    pub(crate) connect_timeout: Duration,
    /// Who we are, for subsets.
    pub(crate) client: u64,
    /// Where we are.
    pub(crate) zone: Option<Box<str>>,
    pub(crate) lookout: Arc<Lookout>,
}

/// Follows `watch` until the channel is gone. `wakes` names lanes that somebody calls.
pub(crate) async fn run(
    recipe: Recipe,
    mut watch: Watch,
    mut wakes: mpsc::Receiver<Lane>,
    mut policies: Option<PolicyWatch>,
    channel: Weak<Shared>,
) {
    let (events, mut changes) = mpsc::channel(EVENTS_MAX);
    let lookout = Arc::clone(&recipe.lookout);
    let Some(client) = channel.upgrade().map(|shared| shared.methods.client()) else {
        return;
    };
    let mut cluster = Cluster::new(recipe, client, events, Instant::now());
    cluster.update(watch.current());
    let mut followed = true;
    loop {
        let now = Instant::now();
        let next = cluster.look(now);
        match channel.upgrade() {
            // A look that found nothing leaves the old snapshot as it is.
            Some(shared) if cluster.changed => {
                shared.publish(cluster.snapshot(now), cluster.known());
                cluster.changed = false;
            }
            Some(_) => {}
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
            reloaded = reloaded(&mut policies) => match (reloaded, channel.upgrade()) {
                (true, Some(shared)) => cluster.reload(&shared, policies.as_mut()),
                (true, None) => return,
                // Nobody changes them any more: those that hold stay.
                (false, _) => policies = None,
            },
            // Both only make the next look come.
            () = lookout.wanted() => {}
            () = sleep_until(next) => {}
        }
    }
}

/// Resolves when the policies have changed; `false` when they never will again.
async fn reloaded(policies: &mut Option<PolicyWatch>) -> bool {
    match policies {
        Some(watch) => watch.changed().await.is_ok(),
        None => std::future::pending().await,
    }
}

struct Cluster {
    recipe: Recipe,
    policy: ClientPolicy,
    outliers: Outliers,
    /// What the registry says.
    registered: Arc<rzero_registry::Snapshot>,
    /// The lanes of its instances.
    lanes: BTreeSet<Lane>,
    /// Lanes whose instances are dialed: the default lane, and those that somebody called. A
    /// rollout of thousands of instances costs a client nothing until it sends a call there.
    awake: BTreeSet<Lane>,
    /// Lanes in which ejection is suspended.
    suspended: BTreeSet<Lane>,
    /// Instances that are dialed.
    nodes: BTreeMap<InstanceId, Node>,
    events: mpsc::Sender<Event>,
    /// Something happened that the published snapshot does not show.
    changed: bool,
}

impl Cluster {
    fn new(
        recipe: Recipe,
        policy: ClientPolicy,
        events: mpsc::Sender<Event>,
        now: Instant,
    ) -> Self {
        let outliers = Outliers::new(policy.outlier.clone(), now, Randomness::per_thread());
        Self {
            recipe,
            policy,
            outliers,
            registered: Arc::new(rzero_registry::Snapshot::pending()),
            lanes: BTreeSet::new(),
            awake: BTreeSet::from([Lane::base()]),
            suspended: BTreeSet::new(),
            nodes: BTreeMap::new(),
            events,
            changed: true,
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
        self.changed = true;
        if self.awake.insert(lane) {
            self.dial();
        }
    }

    /// Takes over other policies. What was counted stays.
    fn reload(&mut self, shared: &Shared, policies: Option<&mut PolicyWatch>) {
        let Some(policies) = policies.map(|watch| watch.borrow_and_update().clone()) else {
            return;
        };
        shared.methods.reload(policies, Instant::now());
        self.policy = shared.methods.client();
        let outlier: &OutlierConfig = &self.policy.outlier;
        self.outliers.set_config(outlier.clone());
        self.recipe.lookout.set(outlier.clone());
        self.dial();
    }

    /// Dials what is known, awake and in our subset. Nodes that stay keep connection and
    /// statistics.
    fn dial(&mut self) {
        self.changed = true;
        let registered = Arc::clone(&self.registered);
        let wanted = wanted(&registered, &self.awake, &self.recipe, self.policy.subset);
        self.nodes
            .retain(|id, node| wanted.get(id).is_some_and(|w| *w.address == node.address));
        for (id, wanted) in wanted {
            if let Some(node) = self.nodes.get_mut(id) {
                node.instance = Arc::clone(wanted.instance);
                node.place = wanted.place;
            } else {
                let (dial, limit) = (Arc::clone(&self.recipe.dial), self.recipe.connect_timeout);
                let (instance, address) = (Arc::clone(wanted.instance), wanted.address.clone());
                let events = self.events.clone();
                let node = Node::start(instance, address, wanted.place, dial, limit, events);
                self.nodes.insert(id.clone(), node);
            }
        }
    }

    fn apply(&mut self, event: Event) {
        // An event of a node that was replaced meanwhile has another address.
        let node = self.nodes.get_mut(&event.id);
        let Some(node) = node.filter(|n| n.address == event.address) else {
            return;
        };
        match event.change {
            Change::State(state) => {
                node.enter(state, Instant::now());
                self.changed = true;
            }
            Change::Probed(outcome) => self.probed(&event.id, outcome),
        }
    }

    fn known(&self) -> Vec<Known> {
        self.nodes.values().map(Node::known).collect()
    }
}
