//! Ejection under load: what failing, silent and recovering nodes cost a client.

use std::cell::Cell;
use std::time::Duration;

use rzero_balance::{Candidate, OutlierConfig, Outliers, Policy, Randomness, Standing, Watched};
use rzero_core::{Class, Outcome};
use tokio::time::Instant;

use crate::common::{Sim, node, pool};

const SECOND: Duration = Duration::from_secs(1);
const INTERNAL: Outcome = Outcome::failed(Class::Internal);

/// A simulated channel that does with [`Outliers`] what a client does.
struct Channel {
    sim: Sim,
    outliers: Outliers,
    all: Vec<Candidate>,
    standings: Vec<Standing>,
    next: Instant,
    /// Index in `all` of each node of the snapshot.
    shown: Vec<usize>,
    ejected: Vec<(Instant, usize)>,
}

impl Channel {
    fn new(nodes: usize, seed: u64) -> Self {
        let start = Instant::now();
        let all = pool(&vec![100; nodes], start);
        let config = OutlierConfig::default();
        Self {
            sim: Sim::new(Policy::P2c, all.clone(), start, seed),
            outliers: Outliers::new(config, start, Randomness::seeded(seed)),
            standings: all.iter().map(|_| Standing::new()).collect(),
            shown: (0..nodes).collect(),
            all,
            next: start,
            ejected: Vec::new(),
        }
    }

    /// Calls at an even rate; `fate` gives latency and outcome of a call that begins now.
    fn run(&mut self, rate: u32, span: Duration, fate: impl Fn(usize) -> (Duration, Outcome)) {
        let end = self.sim.now + span;
        while self.sim.now < end {
            let before: Vec<u32> = self.all.iter().map(|c| c.stats.streak().failures).collect();
            let shown = self.shown.clone();
            self.sim.step(rate, |index| fate(shown[index]));
            let rose = (self.all.iter().zip(before)).any(|(candidate, before)| {
                let streak = candidate.stats.streak();
                streak.failures != before && self.outliers.config().wants_look(streak)
            });
            if rose || self.sim.now >= self.next {
                self.look(&fate);
            }
        }
    }

    fn look(&mut self, fate: &impl Fn(usize) -> (Duration, Outcome)) {
        let now = self.sim.now;
        let standings = self.standings.iter_mut();
        let mut watched: Vec<Watched<'_>> = (self.all.iter().zip(standings))
            .map(|(candidate, standing)| Watched {
                stats: &candidate.stats,
                standing,
                ready: true,
            })
            .collect();
        let look = self.outliers.tick(now, &mut watched);
        for at in look.probe {
            self.outliers.probed(&mut watched[at], fate(at).1, now);
        }
        self.ejected
            .extend(look.ejected.iter().map(|(at, _)| (now, *at)));
        self.next = look.next;
        let shown: Vec<usize> = (0..self.all.len())
            .filter(|at| self.standings[*at].takes_calls())
            .collect();
        if shown != self.shown {
            self.shown = shown;
            let nodes = self.shown.iter().map(|at| self.all[*at].clone()).collect();
            self.sim.rebuild(nodes);
        }
    }
}

const FINE: (Duration, Outcome) = (Duration::from_millis(5), Outcome::OK);

#[test]
fn failing_node_costs_few_calls_per_ejection() {
    let mut channel = Channel::new(5, 1);
    channel.run(1_000, 5 * SECOND, |_| FINE);
    let failures = Cell::new(0_usize);
    channel.run(200, 300 * SECOND, |node| {
        if node != 2 {
            return FINE;
        }
        failures.set(failures.get() + 1);
        (Duration::from_millis(5), INTERNAL)
    });
    let ejections = channel.ejected.len();
    assert!(channel.ejected.iter().all(|(_, node)| *node == 2));
    assert_eq!(ejections, 1, "probes fail, so it stays out");
    // 5, those in flight at that moment, and the probes of 300 s.
    assert!(failures.get() <= 5 + 5 + 5, "{}", failures.get());
}

#[test]
fn black_hole_is_out_within_two_attempt_timeouts() {
    for (nodes, rate) in [(3, 50), (5, 1_000), (10, 100)] {
        for (millis, limit) in [(200, 1_500), (1_000, 2_000), (2_000, 4_000)] {
            let [timeout, limit] = [millis, limit].map(Duration::from_millis);
            let mut channel = Channel::new(nodes, millis);
            channel.run(rate, 5 * SECOND, |_| FINE);
            let (hung, lost) = (channel.sim.now, Cell::new(0));
            channel.run(rate, limit, |node| {
                if node != 1 {
                    return FINE;
                }
                lost.set(lost.get() + 1);
                (timeout, Outcome::failed(Class::DeadlineExceeded))
            });
            let what = format!("{nodes} nodes at {rate}/s, {timeout:?}");
            let (at, node) = channel.ejected.first().copied().expect(&what);
            assert_eq!(node, 1, "{what}");
            assert!(at - hung <= limit, "{what}: {:?}", at - hung);
            assert!(lost.get() <= 8, "{what}: {} calls lost", lost.get());
        }
    }
}

#[test]
fn traffic_flows_to_all_nodes_while_all_fail() {
    let mut channel = Channel::new(5, 6);
    channel.run(1_000, 2 * SECOND, |_| FINE);
    channel.run(1_000, 10 * SECOND, |_| (Duration::from_millis(5), INTERNAL));
    let outage = channel.sim.now;
    channel.run(1_000, 20 * SECOND, |_| (Duration::from_millis(5), INTERNAL));
    assert_eq!(channel.shown.len(), 5);
    for share in channel.sim.shares(outage) {
        assert!(share > 0.1, "{:?}", channel.sim.shares(outage));
    }
    channel.run(1_000, 60 * SECOND, |_| FINE);
    assert_eq!(channel.shown.len(), 5, "and all are in when it is over");
}

#[test]
fn recovered_node_comes_back_slowly_and_arrives() {
    let mut channel = Channel::new(5, 4);
    channel.run(1_000, 5 * SECOND, |_| FINE);
    let bad = |node| match node {
        0 => (Duration::from_millis(5), INTERNAL),
        _ => FINE,
    };
    channel.run(1_000, 5 * SECOND, bad);
    assert_eq!(channel.shown, [1, 2, 3, 4]);
    while channel.shown.len() < 5 {
        channel.run(1_000, Duration::from_millis(100), |_| FINE);
    }
    let back = channel.sim.now;
    let median = channel.all[0].stats.ewma_us();
    assert!((4_900..=5_100).contains(&median), "{median}");
    channel.run(1_000, 3 * SECOND, |_| FINE);
    let share = channel.sim.shares(back)[0];
    assert!(share <= 0.05, "{share}");
    channel.run(1_000, 37 * SECOND, |_| FINE);
    let warm = channel.sim.now;
    channel.run(1_000, 10 * SECOND, |_| FINE);
    let share = channel.sim.shares(warm)[0];
    assert!((0.1..=0.3).contains(&share), "{share}");
}

#[test]
fn standing_and_estimates_survive_discovery_updates() {
    let mut channel = Channel::new(5, 8);
    channel.run(1_000, 2 * SECOND, |_| FINE);
    let bad = |node| match node {
        0 => (Duration::from_millis(5), INTERNAL),
        _ => FINE,
    };
    channel.run(1_000, 5 * SECOND, bad);
    let before: Vec<u64> = channel.all.iter().map(|c| c.stats.ewma_us()).collect();
    for number in 0..1_000 {
        // A node comes and goes.
        if number % 2 == 0 {
            channel.all.push(node(9, 100, channel.sim.now));
            channel.standings.push(Standing::new());
        } else {
            channel.all.pop();
            channel.standings.pop();
        }
        channel.look(&bad);
    }
    let after: Vec<u64> = channel.all.iter().map(|c| c.stats.ewma_us()).collect();
    assert_eq!(before, after);
    assert_eq!(channel.shown, [1, 2, 3, 4]);
    assert_eq!(channel.standings[0].ejections(), 1);
}
