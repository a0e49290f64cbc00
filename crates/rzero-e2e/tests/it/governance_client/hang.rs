//! A node that takes calls and never answers.

use std::time::Duration;

use rzero::CallOptions;
use tokio::time::{Instant, interval};

use super::fleet::{Fleet, MS, Mode};

/// Calls at an even rate until `over` says so; gives how many failed.
async fn load(fleet: &Fleet, idempotent: bool, over: impl Fn(&Fleet) -> bool) -> usize {
    let mut failed = 0;
    let mut calls = tokio::task::JoinSet::new();
    let mut ticks = interval(10 * MS);
    while !over(fleet) {
        ticks.tick().await;
        let channel = fleet.channel.clone();
        let options = CallOptions::new().idempotent(idempotent);
        calls.spawn(async move {
            let call = channel.unary(rzero_testing::Echo::SAY, "x".into(), &options);
            call.await.is_err()
        });
    }
    while let Some(done) = calls.join_next().await {
        failed += usize::from(done.unwrap());
    }
    failed
}

#[tokio::test(start_paused = true)]
async fn hung_server_is_out_within_two_attempt_timeouts_and_idempotent_calls_do_not_fail() {
    for (policies, attempt) in [
        ("[policy]\nattempt_timeout = '500ms'", 500 * MS),
        // By default an attempt has half the time of a call whose method is known to be quick.
        ("", 1000 * MS),
    ] {
        let fleet = Fleet::start(4, policies).await;
        let warm = Instant::now() + Duration::from_secs(2);
        assert_eq!(load(&fleet, true, |_| Instant::now() > warm).await, 0);
        fleet.switches[2].set(Mode::Hang);
        let hung = Instant::now();
        let failed = load(&fleet, true, |fleet| fleet.node(2).ejected).await;
        // Counted from the first call that could notice.
        let out = hung.elapsed();
        assert!(out <= 2 * attempt + 1000 * MS, "{policies:?}: {out:?}");
        assert_eq!(failed, 0, "{policies:?}");
        let before = fleet.switches[2].calls();
        let later = Instant::now() + Duration::from_secs(5);
        assert_eq!(load(&fleet, true, |_| Instant::now() > later).await, 0);
        assert_eq!(fleet.switches[2].calls(), before, "no call goes there");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_must_not_run_twice_fail_only_until_it_is_out() {
    let fleet = Fleet::start(4, "").await;
    fleet.switches[1].set(Mode::Hang);
    let failed = load(&fleet, false, |fleet| fleet.node(1).ejected).await;
    assert_eq!(failed, fleet.switches[1].calls());
    assert!(failed < 40, "{failed}");
    assert_eq!(fleet.switches[1].running(), 0);
}

#[tokio::test(start_paused = true)]
async fn callers_own_timers_do_not_hide_a_hung_node() {
    let fleet = Fleet::start(3, "[policy]\nattempt_timeout = '200ms'\noff = ['retry']").await;
    fleet.switches[0].set(Mode::Hang);
    let options = CallOptions::new();
    for _ in 0..200 {
        // The same time as the attempt's: whoever is faster, it was a timeout.
        let call = fleet.say_with(&options);
        drop(tokio::time::timeout(200 * MS, call).await);
        tokio::time::sleep(10 * MS).await;
        if fleet.node(0).ejected {
            return;
        }
    }
    panic!("{:?}", fleet.node(0));
}
