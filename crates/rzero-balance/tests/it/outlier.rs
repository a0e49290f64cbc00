//! Who is ejected, and for how long: by single calls and in simulations.

use std::sync::Arc;
use std::time::Duration;

use rzero_balance::{
    EjectReason, Look, NodeStats, OutlierConfig, Outliers, Policy, Probed, Randomness, Standing,
    Streak, Watched,
};
use rzero_core::{Class, Outcome};
use tokio::time::Instant;

use crate::common::{Sim, node, pool};

const SECOND: Duration = Duration::from_secs(1);
const INTERNAL: Outcome = Outcome::failed(Class::Internal);

/// A lane whose nodes are told their calls one by one.
struct Lane {
    now: Instant,
    outliers: Outliers,
    nodes: Vec<(Arc<NodeStats>, Standing, bool)>,
}

impl Lane {
    fn new(nodes: usize) -> Self {
        Self::with(nodes, OutlierConfig::default())
    }

    fn with(nodes: usize, config: OutlierConfig) -> Self {
        let now = Instant::now();
        let node = || (Arc::new(NodeStats::new(now)), Standing::new(), true);
        Self {
            now,
            outliers: Outliers::new(config, now, Randomness::seeded(5)),
            nodes: (0..nodes).map(|_| node()).collect(),
        }
    }

    fn calls(&self, node: usize, count: u32, outcome: Outcome) {
        let stats = &self.nodes[node].0;
        for _ in 0..count {
            stats.finish(stats.begin(self.now), outcome, self.now);
        }
    }

    fn look(&mut self) -> Look {
        let mut watched = watch(&mut self.nodes);
        self.outliers.tick(self.now, &mut watched)
    }

    fn ejected(&mut self) -> Vec<(usize, EjectReason)> {
        self.look().ejected
    }

    /// Fails a node until it is out; gives for how long.
    fn eject(&mut self, node: usize) -> Duration {
        self.calls(node, 5, INTERNAL);
        assert_eq!(self.ejected(), [(node, EjectReason::Consecutive)]);
        self.nodes[node].1.ejected_until().expect("it is out") - self.now
    }

    /// Waits until a node is to be probed.
    fn wait_for_probe(&mut self, node: usize) {
        for _ in 0..100 {
            let look = self.look();
            if look.probe.contains(&node) {
                return;
            }
            assert!(look.next > self.now);
            self.now = look.next;
        }
        panic!("never probed");
    }

    fn probed(&mut self, node: usize, outcome: Outcome) -> Probed {
        let mut watched = watch(&mut self.nodes);
        self.outliers.probed(&mut watched[node], outcome, self.now)
    }

    fn takes_calls(&self) -> Vec<bool> {
        self.nodes.iter().map(|n| n.1.takes_calls()).collect()
    }
}

fn watch(nodes: &mut [(Arc<NodeStats>, Standing, bool)]) -> Vec<Watched<'_>> {
    let watched = nodes.iter_mut().map(|(stats, standing, ready)| Watched {
        stats,
        standing,
        ready: *ready,
    });
    watched.collect()
}

#[test]
fn five_failures_in_a_row_eject() {
    let mut lane = Lane::new(3);
    lane.calls(1, 4, INTERNAL);
    assert!(lane.ejected().is_empty());
    lane.calls(1, 1, Outcome::OK);
    lane.calls(1, 4, INTERNAL);
    assert!(lane.ejected().is_empty(), "an answer ends the row");
    lane.calls(1, 1, INTERNAL);
    let look = lane.look();
    assert_eq!(look.ejected, [(1, EjectReason::Consecutive)]);
    assert!(look.changed && !look.suspended);
    assert_eq!(lane.takes_calls(), [true, false, true]);
    let again = lane.look();
    assert!(!again.changed && again.ejected.is_empty());
    let span = lane.nodes[1].1.ejected_until().unwrap() - lane.now;
    assert!((27 * SECOND..=33 * SECOND).contains(&span), "{span:?}");
}

#[test]
fn refusals_and_cancellations_never_eject() {
    let mut lane = Lane::new(3);
    for class in [
        Class::Overloaded,
        Class::RateLimited,
        Class::Draining,
        Class::ConnectFailed,
        Class::ExpiredInQueue,
        Class::BreakerOpen,
        Class::Cancelled,
        Class::InvalidInput,
    ] {
        lane.calls(0, 1_000, Outcome::failed(class));
        assert!(lane.ejected().is_empty(), "{class}");
        lane.now += 11 * SECOND;
        assert!(lane.ejected().is_empty(), "{class} over an interval");
    }
    // Nor do they hide what lies between them.
    for _ in 0..5 {
        lane.calls(0, 3, Outcome::failed(Class::Overloaded));
        lane.calls(0, 1, INTERNAL);
    }
    assert_eq!(lane.ejected(), [(0, EjectReason::Consecutive)]);
}

#[test]
fn large_share_of_failures_ejects() {
    let config = OutlierConfig {
        consecutive: 0,
        ..OutlierConfig::default()
    };
    let mut lane = Lane::with(3, config);
    lane.calls(2, 42, INTERNAL);
    lane.calls(2, 7, Outcome::OK);
    assert!(lane.ejected().is_empty(), "49 calls");
    lane.calls(2, 1, INTERNAL);
    assert_eq!(lane.ejected(), [(2, EjectReason::FailureShare)]);

    lane.calls(1, 60, Outcome::OK);
    lane.now += 10 * SECOND;
    lane.look();
    lane.calls(1, 60, INTERNAL);
    assert!(lane.ejected().is_empty(), "one is out, and no more may be");
    assert!(lane.outliers.config().validate().is_ok());
}

#[test]
fn success_rate_far_below_the_peers_ejects_at_the_end_of_the_interval() {
    let mut lane = Lane::new(5);
    for node in 0..5 {
        for _ in 0..50 {
            lane.calls(node, 1, if node == 3 { INTERNAL } else { Outcome::OK });
            lane.calls(node, 1, Outcome::OK);
        }
    }
    assert!(lane.ejected().is_empty(), "the interval is not over");
    lane.now += 10 * SECOND;
    assert_eq!(lane.ejected(), [(3, EjectReason::SuccessRate)]);
}

#[test]
fn no_more_than_three_of_ten_are_out() {
    let mut lane = Lane::new(10);
    for node in 0..5 {
        lane.calls(node, 5 + u32::try_from(node).unwrap(), INTERNAL);
    }
    let worst: Vec<usize> = lane.ejected().iter().map(|(at, _)| *at).collect();
    assert_eq!(worst, [4, 3, 2]);
    assert!(lane.ejected().is_empty());
}

#[test]
fn lane_of_one_or_two_ejects_nobody() {
    for nodes in [1, 2] {
        let mut lane = Lane::new(nodes);
        lane.calls(0, 50, INTERNAL);
        assert!(lane.ejected().is_empty());
        assert!(lane.takes_calls()[0]);
    }
    let mut wide = Lane::with(
        2,
        OutlierConfig {
            ejected_max: 0.5,
            ..OutlierConfig::default()
        },
    );
    wide.eject(1);
}

#[test]
fn last_ready_node_is_never_ejected() {
    let mut lane = Lane::with(
        3,
        OutlierConfig {
            ejected_max: 1.0,
            panic_below: 0.0,
            ..OutlierConfig::default()
        },
    );
    lane.nodes[0].2 = false;
    lane.nodes[1].2 = false;
    lane.calls(2, 50, INTERNAL);
    assert!(lane.ejected().is_empty());
    lane.nodes[1].2 = true;
    assert_eq!(lane.ejected(), [(2, EjectReason::Consecutive)]);
    lane.nodes[1].2 = false;
    assert!(lane.look().suspended);
    assert!(lane.takes_calls()[2], "the other one is gone");
}

#[test]
fn ejection_is_suspended_when_few_nodes_are_ready() {
    let mut lane = Lane::new(5);
    lane.eject(0);
    lane.nodes[1].2 = false;
    assert!(!lane.look().suspended, "three of five");
    lane.nodes[2].2 = false;
    let look = lane.look();
    assert!(look.suspended && look.changed);
    assert!(lane.takes_calls()[0]);
    lane.calls(3, 9, INTERNAL);
    assert!(lane.ejected().is_empty());
    lane.nodes[1].2 = true;
    lane.nodes[2].2 = true;
    let look = lane.look();
    assert!(!look.suspended && look.changed);
    assert!(!lane.takes_calls()[0], "its time is not over");
}

#[test]
fn all_nodes_failing_all_take_calls() {
    let mut lane = Lane::new(5);
    lane.eject(0);
    for node in 1..5 {
        lane.calls(node, 5, INTERNAL);
    }
    let look = lane.look();
    assert!(look.suspended && look.ejected.is_empty());
    assert_eq!(lane.takes_calls(), [true; 5]);
    lane.calls(4, 1, Outcome::OK);
    let look = lane.look();
    assert!(!look.suspended, "one answers");
    assert_eq!(lane.takes_calls(), [false, true, true, true, true]);
}

#[test]
fn node_that_is_not_ready_is_not_judged_and_starts_afresh() {
    let mut lane = Lane::new(5);
    lane.calls(0, 9, Outcome::failed(Class::ConnectionLost));
    lane.nodes[0].2 = false;
    assert!(lane.ejected().is_empty());
    lane.nodes[0].2 = true;
    assert!(lane.ejected().is_empty());
    lane.eject(0);
}

#[test]
fn passed_probe_lets_in_with_a_slow_start() {
    let mut lane = Lane::new(3);
    let span = lane.eject(0);
    let out = lane.now;
    lane.wait_for_probe(0);
    assert!(lane.now >= out + span);
    assert!(!lane.takes_calls()[0], "only the probe goes there");
    lane.now += SECOND;
    assert_eq!(lane.probed(0, Outcome::OK), Probed::In);
    let late = lane.probed(0, INTERNAL);
    assert_eq!(late, Probed::Undecided, "nobody asked for it");
    assert!(lane.takes_calls()[0]);
    let stats = &lane.nodes[0].0;
    // Kept in whole µs.
    assert!(lane.now - stats.warm_since() < Duration::from_micros(1));
    assert_eq!(stats.ewma_us(), 0, "the next snapshot gives the median");
    assert_eq!(stats.streak().failures, 0);
    assert!(stats.failure_share().abs() < f32::EPSILON);
    assert!(lane.ejected().is_empty());
}

#[test]
fn failed_probe_ejects_for_longer() {
    let mut lane = Lane::new(3);
    let mut spans = vec![lane.eject(0)];
    for _ in 0..12 {
        lane.wait_for_probe(0);
        let failed = lane.probed(0, Outcome::failed(Class::Unavailable));
        assert_eq!(failed, Probed::Out);
        spans.push(lane.nodes[0].1.ejected_until().unwrap() - lane.now);
    }
    for (times, span) in (1..).zip(spans) {
        let want = (30 * SECOND * times).min(300 * SECOND).as_secs_f64();
        let ratio = span.as_secs_f64() / want;
        assert!((0.9..=1.1).contains(&ratio), "{times}: {span:?}");
    }
}

#[test]
fn lost_probe_is_asked_for_again() {
    let mut lane = Lane::new(3);
    lane.eject(0);
    lane.wait_for_probe(0);
    assert!(lane.look().probe.is_empty(), "one at a time");
    let lost = lane.probed(0, Outcome::failed(Class::ConnectFailed));
    assert_eq!(lost, Probed::Undecided);
    let asked = lane.now;
    lane.wait_for_probe(0);
    assert_eq!(lane.now, asked + 5 * SECOND);
    lane.nodes[0].2 = false;
    lane.now += 60 * SECOND;
    assert!(lane.look().probe.is_empty(), "nothing to send it over");
    lane.nodes[0].2 = true;
    lane.wait_for_probe(0);
    let answered = lane.probed(0, Outcome::failed(Class::Unimplemented));
    assert_eq!(answered, Probed::In);
}

#[test]
fn ejections_grow_while_flapping_and_are_forgiven_when_clean() {
    let mut lane = Lane::new(3);
    let mut last = Duration::ZERO;
    for times in 1..=4 {
        let span = lane.eject(0);
        assert!(span > last, "{times}: {span:?} after {last:?}");
        assert_eq!(lane.nodes[0].1.ejections(), times);
        last = span;
        lane.wait_for_probe(0);
        lane.probed(0, Outcome::OK);
    }
    for left in [4, 3, 2, 1, 0, 0] {
        lane.now += 10 * SECOND;
        lane.look();
        assert_eq!(lane.nodes[0].1.ejections(), left, "the first is not clean");
    }
    assert!(lane.eject(0) <= 33 * SECOND);
}

#[test]
fn two_timeouts_eject_unless_most_nodes_are_silent() {
    let timeout = Outcome::failed(Class::DeadlineExceeded);
    let mut lane = Lane::new(4);
    lane.calls(0, 1, timeout);
    assert!(lane.ejected().is_empty());
    lane.calls(0, 1, timeout);
    assert_eq!(lane.ejected(), [(0, EjectReason::Timeouts)]);

    let mut lane = Lane::new(4);
    for node in 0..3 {
        lane.calls(node, 2, timeout);
    }
    assert!(lane.ejected().is_empty(), "something behind them hangs");
    lane.calls(0, 3, timeout);
    assert_eq!(lane.ejected(), [(0, EjectReason::Consecutive)]);
}

#[test]
fn looks_are_wanted_for_full_rows_only() {
    let config = OutlierConfig::default();
    let stats = NodeStats::new(Instant::now());
    let mut fail = |outcome| stats.finish(stats.begin(stats.born()), outcome, stats.born());
    let wanted = |outcome, fail: &mut dyn FnMut(Outcome) -> Streak| {
        (1..=600)
            .filter(|_| config.wants_look(fail(outcome)))
            .count()
    };
    assert_eq!(wanted(INTERNAL, &mut fail), 50, "the count ends at 255");
    fail(Outcome::OK);
    let timeouts = wanted(Outcome::failed(Class::DeadlineExceeded), &mut fail);
    assert!((63..=113).contains(&timeouts), "{timeouts}");
    assert_eq!(wanted(Outcome::OK, &mut fail), 0);
}

#[test]
fn switched_off_everyone_comes_back() {
    let mut lane = Lane::new(3);
    lane.eject(0);
    lane.outliers.set_config(OutlierConfig {
        enabled: false,
        ..OutlierConfig::default()
    });
    assert!(lane.look().changed);
    assert_eq!(lane.takes_calls(), [true; 3]);
    lane.calls(0, 50, INTERNAL);
    assert!(lane.ejected().is_empty());
}

/// A simulated channel that does with [`Outliers`] what a client does.
struct Channel {
    sim: Sim,
    outliers: Outliers,
    all: Vec<rzero_balance::Candidate>,
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
    let failures = std::cell::Cell::new(0_usize);
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
    for (nodes, rate) in [(3, 50), (5, 200), (5, 1_000), (10, 100), (20, 2_000)] {
        for seed in 0..3 {
            let timeout = 2 * SECOND;
            let mut channel = Channel::new(nodes, seed);
            channel.run(rate, 5 * SECOND, |_| FINE);
            let hung = channel.sim.now;
            let lost = (timeout, Outcome::failed(Class::DeadlineExceeded));
            channel.run(
                rate,
                2 * timeout,
                |node| if node == 1 { lost } else { FINE },
            );
            let out = channel.ejected.first().copied();
            let (at, node) = out.unwrap_or_else(|| panic!("{nodes} nodes at {rate}/s: still in"));
            assert_eq!(node, 1);
            assert!(
                at - hung <= 2 * timeout,
                "{nodes} at {rate}/s: {:?}",
                at - hung
            );
        }
    }
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
