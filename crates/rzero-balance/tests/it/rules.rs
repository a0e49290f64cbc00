//! What holds for every policy: edges, the node to avoid, accounting, threads.

use std::sync::Arc;
use std::time::Duration;

use rzero_balance::{LoadFactor, NodeStats, Policy};
use rzero_core::{Class, Outcome};
use tokio::time::Instant;

use crate::common::{POLICIES, call, call_of, pool};

fn all() -> impl Iterator<Item = Policy> {
    let load_factor = LoadFactor::default();
    POLICIES
        .into_iter()
        .chain([Policy::ConsistentHash { load_factor }])
}

#[test]
fn no_live_node_gives_none() {
    let now = Instant::now();
    for policy in all() {
        for weights in [&[][..], &[0], &[0, 0]] {
            let picker = policy.picker(pool(weights, now), now);
            assert_eq!(picker.pick(&call(now), now, None), None, "{policy}");
            assert_eq!(
                picker.pick(&call_of(1, now), now, Some(0)),
                None,
                "{policy}"
            );
        }
    }
}

#[test]
fn only_live_node_is_picked_even_when_it_should_be_avoided() {
    let now = Instant::now();
    for policy in all() {
        let nodes = pool(&[0, 7, 0], now);
        nodes[1].stats.penalize(Duration::from_secs(9), now);
        let picker = policy.picker(nodes, now);
        for avoid in [None, Some(1), Some(0), Some(99)] {
            assert_eq!(picker.pick(&call(now), now, avoid), Some(1), "{policy}");
            assert_eq!(
                picker.pick(&call_of(5, now), now, avoid),
                Some(1),
                "{policy}"
            );
        }
    }
}

#[test]
fn node_of_the_previous_attempt_is_avoided() {
    let now = Instant::now();
    for policy in all() {
        for weights in [&[100, 100][..], &[1_000, 1, 0], &[3, 2, 1, 5]] {
            let nodes = pool(weights, now);
            // Not even when all others are in a bad state.
            for node in &nodes[1..] {
                node.stats.penalize(Duration::from_secs(60), now);
                for _ in 0..20 {
                    let started = node.stats.begin(now);
                    let later = now + Duration::from_secs(1);
                    node.stats
                        .finish(started, Outcome::failed(Class::Internal), later);
                }
            }
            let picker = policy.picker(nodes, now);
            for i in 0..500 {
                let now = now + Duration::from_millis(10) * i;
                let call = call_of(u64::from(i), now);
                assert_ne!(
                    picker.pick(&call, now, Some(0)),
                    Some(0),
                    "{policy} {weights:?}"
                );
                let picked = picker.pick(&crate::common::call(now), now, Some(0));
                assert!(picked.is_some_and(|at| at > 0), "{policy} {weights:?}");
            }
        }
    }
}

#[test]
fn weightless_node_is_never_picked() {
    let now = Instant::now();
    for policy in all() {
        let picker = policy.picker(pool(&[1, 0, 2, 0, 900], now), now);
        for i in 0..5_000 {
            let now = now + Duration::from_millis(i);
            for call in [call(now), call_of(i, now)] {
                let at = picker.pick(&call, now, None).unwrap();
                assert!(at != 1 && at != 3, "{policy}");
            }
        }
    }
}

#[test]
fn picks_are_counted() {
    let now = Instant::now();
    for policy in all() {
        let nodes = pool(&[1, 2, 3], now);
        let picker = policy.picker(nodes.clone(), now);
        for i in 0..100 {
            let at = picker.pick(&call_of(i, now), now, None).unwrap();
            nodes[at].stats.abandon(nodes[at].stats.begin(now));
        }
        let counted: u64 = nodes.iter().map(|node| node.stats.picks()).sum();
        assert_eq!(counted, 100, "{policy}");
    }
}

#[test]
fn estimate_jumps_up_and_decays_in_ten_seconds() {
    let start = Instant::now();
    let stats = NodeStats::new(start);
    let mut now = start;
    let mut answer = |millis: u64, outcome, after: Duration| {
        now += after;
        let started = stats.begin(now);
        now += Duration::from_millis(millis);
        stats.finish(started, outcome, now);
        stats.ewma_us()
    };
    assert_eq!(answer(10, Outcome::OK, Duration::ZERO), 10_000);
    assert_eq!(answer(100, Outcome::OK, Duration::ZERO), 100_000, "peak");
    let failed = Outcome::failed(Class::Internal);
    assert_eq!(
        answer(1, failed, Duration::from_secs(5)),
        100_000,
        "a failure is no fast answer"
    );
    let refused = Outcome::failed(Class::RateLimited);
    assert_eq!(
        answer(1, refused, Duration::ZERO),
        100_000,
        "nor is a refusal"
    );
    assert_eq!(
        answer(1, Outcome::CANCELLED, Duration::from_secs(5)),
        100_000
    );
    // About 10 s since the estimate changed: 1 + 99 / e, were it exact.
    let decayed = answer(1, Outcome::failed(Class::NotFound), Duration::ZERO);
    assert!((36_000..39_000).contains(&decayed), "{decayed}");
}

#[test]
fn estimate_decays_under_many_calls_too() {
    let start = Instant::now();
    let stats = NodeStats::new(start);
    let observe = |at: Instant, latency| {
        let started = stats.begin(at);
        stats.finish(started, Outcome::OK, at + latency);
    };
    observe(start, Duration::from_millis(2));
    for i in 0..1_000_000_u32 {
        observe(
            start + Duration::from_micros(10) * i,
            Duration::from_millis(1),
        );
    }
    let ewma = stats.ewma_us();
    assert!((1_340..=1_400).contains(&ewma), "1000 + 1000 / e: {ewma}");
}

#[test]
fn cancelled_call_leaves_no_trace() {
    let now = Instant::now();
    let stats = NodeStats::new(now);
    let started = stats.begin(now);
    stats.finish(started, Outcome::CANCELLED, now + Duration::from_secs(9));
    let started = stats.begin(now);
    stats.abandon(started);
    assert_eq!((stats.in_flight(), stats.ewma_us()), (0, 0));
    assert!(stats.failure_share().abs() < f32::EPSILON);
}

#[test]
fn in_flight_returns_to_zero_over_threads() {
    let start = Instant::now();
    for policy in all() {
        let nodes = pool(&[100, 50, 25, 100], start);
        let picker: Arc<dyn rzero_balance::Picker> = policy.picker(nodes.clone(), start).into();
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (nodes, picker) = (nodes.clone(), Arc::clone(&picker));
                scope.spawn(move || {
                    for i in 0..5_000_u64 {
                        let now = start + Duration::from_micros(i * 100);
                        let at = picker.pick(&call_of(i ^ thread, now), now, None).unwrap();
                        let started = nodes[at].stats.begin(now);
                        match i % 5 {
                            0 => nodes[at].stats.abandon(started),
                            kind => {
                                let outcome = match kind {
                                    1 => Outcome::CANCELLED,
                                    2 => Outcome::failed(Class::Unavailable),
                                    _ => Outcome::OK,
                                };
                                nodes[at].stats.finish(started, outcome, now);
                            }
                        }
                    }
                });
            }
        });
        let picks: u64 = nodes.iter().map(|node| node.stats.picks()).sum();
        assert_eq!(picks, 40_000, "{policy}");
        assert!(
            nodes.iter().all(|node| node.stats.in_flight() == 0),
            "{policy}"
        );
    }
}
