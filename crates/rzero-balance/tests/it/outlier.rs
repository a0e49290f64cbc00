//! Who is ejected, why and for how long, call by call.

use std::sync::Arc;
use std::time::Duration;

use rzero_balance::{
    EjectReason, Look, NodeStats, OutlierConfig, Outliers, Probed, Randomness, Standing, Streak,
    Watched,
};
use rzero_core::{Class, Outcome};
use tokio::time::Instant;

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

#[test]
fn bounds_hold_whatever_happens() {
    let classes = [
        Class::Internal,
        Class::DeadlineExceeded,
        Class::Unimplemented,
        Class::Overloaded,
    ];
    for nodes in 1..=12 {
        let mut lane = Lane::new(nodes);
        let mut state = nodes as u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..2_000 {
            let at = random(nodes);
            let outcome = match random(8) {
                kind @ 0..4 => Outcome::failed(classes[kind]),
                _ => Outcome::OK,
            };
            match random(20) {
                0 => lane.nodes[at].2 ^= true,
                1 => lane.now += Duration::from_millis(random(40_000) as u64),
                _ => lane.calls(at, 1 + u32::try_from(random(60)).unwrap(), outcome),
            }
            let look = lane.look();
            for at in look.probe {
                lane.probed(at, outcome);
            }
            assert!(look.next > lane.now);
            let out = lane.nodes.iter().filter(|n| n.1.is_ejected()).count();
            let most = if nodes < 3 {
                0
            } else {
                (nodes * 3 / 10).max(1)
            };
            assert!(out <= most, "{out} of {nodes}");
            let serving = lane.nodes.iter().filter(|n| n.2 && n.1.takes_calls());
            let ready = lane.nodes.iter().filter(|n| n.2).count();
            assert!(serving.count() * 2 >= nodes.min(ready), "{nodes}");
        }
    }
}
