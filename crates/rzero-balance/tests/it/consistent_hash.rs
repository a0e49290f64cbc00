//! Keys stay where they are, shares follow weights, load stays within its bound.

use std::collections::HashMap;
use std::time::Duration;

use rzero_balance::{Candidate, LoadFactor, Picker, Policy};
use rzero_core::Outcome;
use tokio::time::Instant;

use crate::common::{call, call_of, pool};

const KEYS: u64 = 20_000;

fn policy() -> Policy {
    let load_factor = LoadFactor::default();
    Policy::ConsistentHash { load_factor }
}

/// The instance key of the node of each hash key.
fn places(nodes: &[Candidate], now: Instant) -> Vec<u64> {
    let picker = policy().picker(nodes.to_vec(), now);
    let place = |key| {
        let at = picker.pick(&call_of(key, now), now, None);
        nodes[at.expect("nodes are live")].key
    };
    (0..KEYS).map(place).collect()
}

fn moved(a: &[u64], b: &[u64]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

#[test]
fn only_the_keys_of_a_leaving_node_move() {
    let now = Instant::now();
    for weights in [vec![100; 10], (1..=10).map(|w| w * 10).collect()] {
        let nodes = pool(&weights, now);
        let before = places(&nodes, now);
        for leaving in 0..10 {
            let mut rest = nodes.clone();
            let gone = rest.remove(leaving);
            let after = places(&rest, now);
            for (old, new) in before.iter().zip(&after) {
                assert!(old == new || *old == gone.key);
            }
            if weights[0] == 100 {
                let most = before.len() * 125 / 1_000;
                assert!(moved(&before, &after) <= most, "{}", moved(&before, &after));
            }
        }
    }
}

#[test]
fn keys_stay_when_nothing_changes_but_the_order() {
    let now = Instant::now();
    let mut nodes = pool(&[100, 50, 100, 70], now);
    let before = places(&nodes, now);
    nodes.reverse();
    assert_eq!(
        moved(&before, &places(&nodes, now + Duration::from_secs(99))),
        0
    );
}

#[test]
fn changed_weight_moves_keys_only_to_or_from_its_node() {
    let now = Instant::now();
    let mut nodes = pool(&[100; 10], now);
    let before = places(&nodes, now);
    nodes[3].weight = 150;
    let after = places(&nodes, now);
    assert!(moved(&before, &after) > 0);
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(a, b)| a == b || *b == nodes[3].key)
    );
}

#[test]
fn shares_of_keys_follow_weights() {
    let now = Instant::now();
    let weights = [100, 200, 300, 0, 400];
    let nodes = pool(&weights, now);
    let mut count: HashMap<u64, u32> = HashMap::new();
    for place in places(&nodes, now) {
        *count.entry(place).or_default() += 1;
    }
    for node in &nodes {
        let share = f64::from(count.get(&node.key).copied().unwrap_or(0)) / KEYS as f64;
        let want = f64::from(node.weight) / 1_000.0;
        assert!((share - want).abs() <= 0.12 * want, "{share} {want}");
    }
}

/// Places `calls` calls of a few keys, none of which ends; the most a node ever had too much.
fn excess(nodes: &[Candidate], picker: &dyn Picker, keys: u64, calls: u64, now: Instant) -> f64 {
    let weight: f64 = nodes.iter().map(|n| f64::from(n.weight)).sum();
    let mut worst = f64::MIN;
    for i in 0..calls {
        let at = picker.pick(&call_of(i % keys, now), now, None);
        let at = at.expect("nodes are live");
        // Never finished: the node stays busy.
        let _busy = nodes[at].stats.begin(now);
        let total = (i + 1) as f64;
        let bound = (1.25 * total * f64::from(nodes[at].weight) / weight).ceil();
        worst = worst.max(f64::from(nodes[at].stats.in_flight()) - bound);
    }
    worst
}

#[test]
fn bounded_load_holds_for_hot_keys() {
    let now = Instant::now();
    for weights in [
        vec![100; 3],
        vec![100; 10],
        vec![100; 64],
        (1..=20).collect(),
    ] {
        for keys in [1, 3, 1_000] {
            let nodes = pool(&weights, now);
            let picker = policy().picker(nodes.clone(), now);
            let worst = excess(&nodes, &*picker, keys, 3_000, now);
            assert!(
                worst <= 0.0,
                "{} nodes, {keys} keys: {worst}",
                weights.len()
            );
        }
    }
}

#[test]
fn hot_key_returns_to_its_node_when_there_is_room() {
    let now = Instant::now();
    let nodes = pool(&[100; 10], now);
    let picker = policy().picker(nodes.clone(), now);
    let home = picker.pick(&call_of(42, now), now, None).unwrap();
    let busy: Vec<_> = (0..100).map(|_| nodes[home].stats.begin(now)).collect();
    assert_ne!(picker.pick(&call_of(42, now), now, None), Some(home));
    for started in busy {
        nodes[home].stats.finish(started, Outcome::OK, now);
    }
    assert_eq!(picker.pick(&call_of(42, now), now, None), Some(home));
}

#[test]
fn calls_without_a_key_are_spread() {
    let start = Instant::now();
    let nodes = pool(&[100; 4], start);
    let picker = policy().picker(nodes.clone(), start);
    for i in 0..4_000 {
        let now = start + Duration::from_millis(i);
        let at = picker.pick(&call(now), now, None).unwrap();
        nodes[at].stats.abandon(nodes[at].stats.begin(now));
    }
    for node in &nodes {
        assert!((800..1_200).contains(&node.stats.picks()), "{nodes:?}");
    }
}
