//! Who takes calls: ejection, slow start, subsets, zones.

use std::time::Duration;

use rzero::Class;
use rzero::parts::core::Address;
use tokio::time::Instant;

use super::fleet::{Fleet, MS, Mode};

/// Calls, one each `gap`, for so long; gives how many failed.
async fn load(fleet: &Fleet, gap: Duration, time: Duration) -> usize {
    let (start, mut failed) = (Instant::now(), 0);
    while start.elapsed() < time {
        failed += usize::from(fleet.say(false).await.is_err());
        tokio::time::sleep(gap).await;
    }
    failed
}

#[tokio::test(start_paused = true)]
async fn failing_node_is_ejected_probed_and_returns_slowly() {
    let fleet = Fleet::start(5, "").await;
    load(&fleet, MS, Duration::from_secs(40)).await;
    fleet.switches[1].set(Mode::Fail(Class::Internal));
    let mut failed = 0;
    while !fleet.node(1).ejected {
        failed += usize::from(fleet.say(false).await.is_err());
        tokio::time::sleep(MS).await;
    }
    assert_eq!(failed, 5, "in a row");
    assert_eq!(fleet.node(1).ejections, 1);
    assert_eq!(fleet.channel.governance().lanes[0].serving, 4);
    fleet.switches[1].set(Mode::Answer);
    let out = fleet.switches[1].calls();
    assert_eq!(load(&fleet, MS, Duration::from_secs(20)).await, 0);
    assert_eq!(
        fleet.switches[1].calls(),
        out,
        "nothing goes to it while it is out"
    );
    // 30 s and a tenth of jitter; then a health check lets it in.
    fleet.until(|fleet| !fleet.node(1).ejected).await;
    let (back, all) = (fleet.switches[1].calls(), fleet.calls());
    load(&fleet, MS, Duration::from_secs(3)).await;
    let share = |from: usize, all: usize| {
        (fleet.switches[1].calls() - from) as f64 / (fleet.calls() - all) as f64
    };
    assert!(share(back, all) <= 0.05, "{}", share(back, all));
    tokio::time::sleep(Duration::from_secs(37)).await;
    let (back, all) = (fleet.switches[1].calls(), fleet.calls());
    load(&fleet, MS, Duration::from_secs(3)).await;
    let warm = share(back, all);
    assert!((0.1..=0.3).contains(&warm), "{warm}");
}

#[tokio::test(start_paused = true)]
async fn node_that_hangs_again_is_out_for_longer() {
    let fleet = Fleet::start(
        4,
        "[policy]\nattempt_timeout = '200ms'\noutlier.ejection = '5s'",
    )
    .await;
    fleet.switches[0].set(Mode::Hang);
    while !fleet.node(0).ejected {
        drop(fleet.say(true).await);
        tokio::time::sleep(20 * MS).await;
    }
    let first = fleet.node(0).ejected_ms.unwrap();
    assert!((4_000..=5_500).contains(&first), "{first}");
    fleet.until(|fleet| !fleet.node(0).ejected).await;
    // In again by its health check, it hangs as before: the second time takes twice as long.
    while !fleet.node(0).ejected {
        drop(fleet.say(true).await);
        tokio::time::sleep(20 * MS).await;
    }
    let second = fleet.node(0).ejected_ms.unwrap();
    assert!((8_500..=11_000).contains(&second), "{second}");
}

#[tokio::test(start_paused = true)]
async fn when_all_nodes_fail_all_take_calls() {
    let fleet = Fleet::start(4, "[policy]\noff = ['breaker']").await;
    fleet.set_all(Mode::Fail(Class::Internal));
    load(&fleet, MS, Duration::from_secs(5)).await;
    let before: Vec<usize> = fleet.switches.iter().map(|s| s.calls()).collect();
    load(&fleet, MS, Duration::from_secs(5)).await;
    let lane = &fleet.channel.governance().lanes[0];
    assert!(lane.suspended && lane.serving == 4, "{lane:?}");
    for (switch, before) in fleet.switches.iter().zip(before) {
        assert!(switch.calls() > before);
    }
}

#[tokio::test(start_paused = true)]
async fn joining_node_starts_slowly() {
    let mut fleet = Fleet::start(4, "").await;
    load(&fleet, MS, Duration::from_secs(40)).await;
    fleet.join("").await;
    fleet.channel.ready(5).await;
    let all = fleet.calls();
    load(&fleet, MS, Duration::from_secs(3)).await;
    let share = fleet.switches[4].calls() as f64 / (fleet.calls() - all) as f64;
    assert!(share <= 0.05, "{share}");
    assert!(fleet.switches[4].calls() > 0);
}

#[tokio::test(start_paused = true)]
async fn of_very_many_nodes_a_few_are_kept() {
    let mut fleet = Fleet::start(0, "").await;
    for number in 0..64 {
        let id = format!("far-{number:03}");
        fleet.register(&id, Address::Memory(id.clone()), "").await;
    }
    fleet.until(|fleet| fleet.channel.nodes().len() == 64).await;
    fleet
        .register("far-064", Address::Memory("x".into()), "")
        .await;
    fleet.until(|fleet| fleet.channel.nodes().len() == 36).await;
    let kept: Vec<String> = fleet.channel.nodes().into_iter().map(|n| n.id).collect();
    fleet
        .register("far-065", Address::Memory("y".into()), "")
        .await;
    tokio::time::sleep(10 * MS).await;
    let now = fleet.channel.nodes();
    assert_eq!(now.len(), 36);
    let fresh = now.iter().filter(|node| !kept.contains(&node.id)).count();
    assert!(fresh <= 1, "{fresh}");
}

#[tokio::test(start_paused = true)]
async fn reserves_stand_in_for_members_that_are_away() {
    let policies = "[policy]\nsubset = { above = 4, size = 4, members_per_reserve = 2 }";
    let fleet = Fleet::start(0, policies).await;
    let mut fleet = fleet;
    for _ in 0..12 {
        fleet.join("").await;
    }
    fleet.until(|fleet| fleet.channel.nodes().len() == 6).await;
    fleet.channel.ready(4).await;
    let serving = |fleet: &Fleet| fleet.channel.governance().lanes[0].serving;
    fleet.until(|fleet| serving(fleet) == 4).await;
    load(&fleet, MS, Duration::from_secs(1)).await;
    let used: Vec<usize> = (0..12).filter(|n| fleet.switches[*n].calls() > 0).collect();
    assert_eq!(used.len(), 4);
    fleet.net.kill(&format!("node-{:03}", used[0]));
    tokio::time::sleep(10 * MS).await;
    assert_eq!(serving(&fleet), 4);
    assert_eq!(load(&fleet, MS, Duration::from_secs(1)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn calls_stay_in_their_zone_until_it_lacks_the_nodes() {
    let mut fleet = Fleet::start(0, "").await;
    for _ in 0..4 {
        fleet.join("here").await;
    }
    for _ in 0..4 {
        fleet.join("there").await;
    }
    fleet.channel.ready(8).await;
    let away = |fleet: &Fleet| -> usize { fleet.switches[4..].iter().map(|s| s.calls()).sum() };
    load(&fleet, MS, Duration::from_secs(1)).await;
    assert_eq!(away(&fleet), 0);
    // Half of the zone is gone: 5/7 of the calls stay.
    fleet.net.kill("node-000");
    fleet.net.kill("node-001");
    tokio::time::sleep(500 * MS).await;
    let all = fleet.calls();
    assert_eq!(load(&fleet, MS, Duration::from_secs(4)).await, 0);
    let share = away(&fleet) as f64 / (fleet.calls() - all) as f64;
    assert!((0.1..=0.45).contains(&share), "{share}");
    // All of it is gone.
    fleet.net.kill("node-002");
    fleet.net.kill("node-003");
    tokio::time::sleep(500 * MS).await;
    assert_eq!(load(&fleet, MS, Duration::from_secs(1)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn last_failing_node_of_two_stays() {
    let fleet = Fleet::start(2, "").await;
    fleet.switches[0].set(Mode::Fail(Class::Internal));
    load(&fleet, MS, Duration::from_secs(2)).await;
    assert!(!fleet.node(0).ejected, "with two nodes none is an outlier");
}
