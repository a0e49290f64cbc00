//! A second attempt beside a slow first one.

use std::time::Duration;

use rzero::CallOptions;
use tokio::time::Instant;

use super::fleet::{Fleet, MS, Mode};

const HEDGED: &str =
    "[policy]\nhedge.enabled = true\nhedge.delay = '20ms'\nhedge.calls_ratio_max = 0.05";

/// The times of `calls` idempotent calls, one after another, sorted.
async fn times(fleet: &Fleet, calls: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..calls {
        let start = Instant::now();
        fleet.say(true).await.unwrap();
        times.push(start.elapsed());
        tokio::time::sleep(MS).await;
    }
    times.sort();
    times
}

#[tokio::test(start_paused = true)]
async fn slow_node_of_four_is_hidden_and_few_calls_are_extra() {
    let fleet = Fleet::start(4, HEDGED).await;
    fleet.set_all(Mode::Slow(5 * MS));
    fleet.switches[3].set(Mode::Slow(205 * MS));
    // The balancer sees the slow one only by what its calls cost: hedged losers count nowhere.
    let before = fleet.calls();
    let times = times(&fleet, 2000).await;
    let p99 = times[times.len() * 99 / 100];
    assert!(p99 <= 20 * MS + 10 * MS, "{p99:?}");
    let extra = fleet.calls() - before - 2000;
    assert!(extra <= 2000 / 20, "{extra} of 2000");
    assert!(extra > 0);
    assert!(fleet.channel.nodes().iter().all(|node| node.in_flight == 0));
}

#[tokio::test(start_paused = true)]
async fn hedges_go_to_another_node_and_are_no_first_attempts() {
    let fleet = Fleet::start(2, HEDGED).await;
    for _ in 0..60 {
        fleet.say(true).await.unwrap();
    }
    let before = fleet.calls();
    fleet.set_all(Mode::Hang);
    let options = CallOptions::new().idempotent(true).deadline(100 * MS);
    fleet.say_with(&options).await.unwrap_err();
    assert_eq!(fleet.calls() - before, 2);
    assert!(fleet.switches.iter().all(|s| s.running() == 0));
    let retries: usize = fleet.switches.iter().map(|s| s.retries()).sum();
    assert_eq!(
        retries, 1,
        "it carries the number 1, so nothing below repeats"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_must_not_run_twice_are_never_hedged() {
    let fleet = Fleet::start(2, HEDGED).await;
    fleet.set_all(Mode::Slow(100 * MS));
    for _ in 0..100 {
        fleet.say(false).await.unwrap();
    }
    assert_eq!(fleet.calls(), 100);
}

#[tokio::test(start_paused = true)]
async fn losers_are_left_to_finish_when_too_many_were_cancelled() {
    let policies = format!("{HEDGED}\nhedge.cancels_per_second = 0");
    let fleet = Fleet::start(2, &policies).await;
    for _ in 0..100 {
        fleet.say(true).await.unwrap();
    }
    fleet.switches[0].set(Mode::Slow(500 * MS));
    let start = fleet.switches[0].calls();
    while fleet.switches[0].calls() == start {
        fleet.say(true).await.unwrap();
    }
    assert_eq!(fleet.switches[0].running(), 1, "it lost and runs on");
    assert_eq!(fleet.channel.governance().methods[0].left_to_finish, 1);
    tokio::time::sleep(600 * MS).await;
    assert_eq!(fleet.switches[0].running(), 0);
    assert_eq!(fleet.channel.governance().methods[0].left_to_finish, 0);
}
