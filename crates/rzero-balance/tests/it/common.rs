//! A pool of nodes in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use rzero_balance::{
    Candidate, NodeStats, Picker, Policy, Randomness, SlowStart, Started, instance_key,
};
use rzero_core::{CallInfo, Idempotency, Kind, Method, Outcome};
use tokio::time::Instant;

pub(crate) const POLICIES: [Policy; 3] = [Policy::P2c, Policy::WeightedRoundRobin, Policy::Random];

pub(crate) fn call(now: Instant) -> CallInfo {
    let method = Method::dynamic("/balance.Test/Call", Kind::Unary, Idempotency::Unknown);
    CallInfo::new(method.expect("a well-formed path"), now)
}

pub(crate) fn call_of(key: u64, now: Instant) -> CallInfo {
    let mut call = call(now);
    call.set_hash_key(Some(key));
    call
}

pub(crate) fn node(number: usize, weight: u32, now: Instant) -> Candidate {
    Candidate {
        key: instance_key(&format!("node-{number}")),
        weight,
        stats: Arc::new(NodeStats::new(now)),
    }
}

pub(crate) fn pool(weights: &[u32], now: Instant) -> Vec<Candidate> {
    let nodes = weights.iter().enumerate();
    nodes.map(|(i, weight)| node(i, *weight, now)).collect()
}

/// Calls at an even rate against nodes of a given latency, with answers at the right moment.
pub(crate) struct Sim {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Candidate>,
    pub(crate) picker: Box<dyn Picker>,
    pub(crate) latency: Box<dyn Fn(usize) -> Duration>,
    pub(crate) outcome: Box<dyn Fn(usize) -> Outcome>,
    /// Times of the picks of each node.
    pub(crate) picks: Vec<Vec<Instant>>,
    policy: Policy,
    seed: u64,
    flying: BinaryHeap<Reverse<(Instant, usize, usize)>>,
    started: Vec<Option<Flight>>,
}

struct Flight {
    stats: Arc<NodeStats>,
    started: Started,
    /// `None`: what the pool says when it ends.
    outcome: Option<Outcome>,
}

impl Sim {
    pub(crate) fn new(policy: Policy, nodes: Vec<Candidate>, now: Instant, seed: u64) -> Self {
        Self {
            now,
            picker: policy.picker_with(
                nodes.clone(),
                now,
                SlowStart::default(),
                Randomness::seeded(seed),
            ),
            latency: Box::new(|_| Duration::from_millis(5)),
            outcome: Box::new(|_| Outcome::OK),
            picks: nodes.iter().map(|_| Vec::new()).collect(),
            nodes,
            policy,
            seed,
            flying: BinaryHeap::new(),
            started: Vec::new(),
        }
    }

    /// A discovery change: the same statistics, a new snapshot.
    pub(crate) fn rebuild(&mut self, nodes: Vec<Candidate>) {
        self.seed += 1;
        let random = Randomness::seeded(self.seed);
        self.picker =
            self.policy
                .picker_with(nodes.clone(), self.now, SlowStart::default(), random);
        self.picks.resize(nodes.len(), Vec::new());
        self.nodes = nodes;
    }

    pub(crate) fn run(&mut self, rate: u32, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.tick(rate);
            let index = self.pick();
            let latency = (self.latency)(index);
            self.fly(index, latency, None);
        }
    }

    /// One call, whose latency and outcome `fate` tells by the node picked.
    pub(crate) fn step(&mut self, rate: u32, fate: impl FnOnce(usize) -> (Duration, Outcome)) {
        self.tick(rate);
        let index = self.pick();
        let (latency, outcome) = fate(index);
        self.fly(index, latency, Some(outcome));
    }

    /// On to the next call; those that ended meanwhile are finished.
    fn tick(&mut self, rate: u32) {
        self.now += Duration::from_secs(1) / rate;
        while let Some(Reverse((at, id, index))) = self.flying.peek().copied() {
            if at > self.now {
                break;
            }
            self.flying.pop();
            let flight = self.started[id].take().expect("ends once");
            let outcome = flight.outcome.unwrap_or_else(|| (self.outcome)(index));
            flight.stats.finish(flight.started, outcome, at);
        }
    }

    fn pick(&mut self) -> usize {
        let picked = self.picker.pick(&call(self.now), self.now, None);
        let index = picked.expect("a node is live");
        self.picks[index].push(self.now);
        index
    }

    fn fly(&mut self, index: usize, latency: Duration, outcome: Option<Outcome>) {
        let stats = Arc::clone(&self.nodes[index].stats);
        let started = stats.begin(self.now);
        let flight = Flight {
            stats,
            started,
            outcome,
        };
        (self.flying).push(Reverse((self.now + latency, self.started.len(), index)));
        self.started.push(Some(flight));
    }

    /// Shares of the picks since `from`.
    pub(crate) fn shares(&self, from: Instant) -> Vec<f64> {
        let counts: Vec<usize> = (self.picks.iter())
            .map(|times| times.iter().filter(|at| **at > from).count())
            .collect();
        let total: usize = counts.iter().sum();
        counts.iter().map(|n| *n as f64 / total as f64).collect()
    }
}
