//! `retry::hedged` on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Error, JoinSet};
use rzero_resilience::retry::{
    self, Attempt, Attempts, BudgetConfig, CancelCap, Hedge, Policy, Side, Target, Work,
};
use tokio::time::{Instant, sleep};

use super::support::{Counter, exact, random};

const MS: Duration = Duration::from_millis(1);

fn hedge(delay: Option<Duration>) -> Hedge {
    Hedge {
        enabled: true,
        delay,
        ..Hedge::default()
    }
}

/// A target with enough calls behind it that its caps allow hedges.
fn known(hedge: &Hedge) -> Arc<Target> {
    let now = Instant::now();
    let target = Target::new(&BudgetConfig::default(), hedge, now);
    for _ in 0..100 {
        target.begin(now);
        target.succeeded(now, now + 10 * MS);
    }
    target
}

/// The first attempt takes 100 ms, the second 10 ms.
async fn slow_first(attempt: Attempt, ended: Counter) -> Result<u8, Error> {
    sleep(if attempt.number == 0 {
        100 * MS
    } else {
        10 * MS
    })
    .await;
    ended.add();
    Ok(attempt.number)
}

#[tokio::test(start_paused = true)]
async fn first_success_wins_and_the_loser_is_dropped() {
    let (hedge, ended) = (hedge(Some(20 * MS)), Counter::default());
    let (target, start, counter) = (known(&hedge), Instant::now(), ended.clone());
    let work = Work::default().idempotent();
    let got = retry::hedged(
        &exact(),
        &hedge,
        &target,
        work,
        |_| true,
        move |attempt| slow_first(attempt, counter.clone()),
    )
    .await;
    assert_eq!(got.unwrap(), 1);
    assert_eq!(start.elapsed(), 30 * MS);
    sleep(200 * MS).await;
    assert_eq!((ended.get(), target.left_to_finish()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn loser_finishes_when_no_more_may_be_cancelled() {
    let (hedge, ended) = (hedge(Some(20 * MS)), Counter::default());
    let (target, cap) = (known(&hedge), CancelCap::new(0, Instant::now()));
    let counter = ended.clone();
    let may_cancel = |loser| {
        assert_eq!(loser, Side::First);
        cap.try_cancel(Instant::now())
    };
    let work = Work::default().idempotent();
    let got = retry::hedged(
        &exact(),
        &hedge,
        &target,
        work,
        may_cancel,
        move |attempt| slow_first(attempt, counter.clone()),
    )
    .await;
    assert_eq!(got.unwrap(), 1);
    assert_eq!((ended.get(), target.left_to_finish()), (1, 1));
    sleep(200 * MS).await;
    assert_eq!((ended.get(), target.left_to_finish()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn loser_that_failed_before_is_neither_cancelled_nor_left() {
    let hedge = hedge(Some(20 * MS));
    let target = known(&hedge);
    let work = Work::default().idempotent();
    for failing in [Side::First, Side::Hedge] {
        let cancelled = |_| panic!("nothing runs any more");
        let got = retry::hedged(
            &exact(),
            &hedge,
            &target,
            work,
            cancelled,
            move |attempt| async move {
                sleep(30 * MS).await;
                if attempt.side == failing {
                    return Err(Error::internal("x"));
                }
                sleep(100 * MS).await;
                Ok(attempt.side)
            },
        )
        .await;
        assert_ne!(got.unwrap(), failing);
        assert_eq!(target.left_to_finish(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn error_of_one_waits_for_the_other() {
    let hedge = hedge(Some(20 * MS));
    let work = Work::default().idempotent();
    let got = retry::hedged(
        &exact(),
        &hedge,
        &known(&hedge),
        work,
        |_| true,
        |attempt| async move {
            match attempt.number {
                0 => sleep(50 * MS).await,
                _ => return Err(Error::internal("second")),
            }
            Ok("first")
        },
    )
    .await;
    assert_eq!(got.unwrap(), "first");
    let got = retry::hedged(
        &exact(),
        &hedge,
        &known(&hedge),
        work,
        |_| true,
        |attempt| async move {
            if attempt.number > 0 {
                return Err::<(), _>(Error::internal("second"));
            }
            sleep(50 * MS).await;
            Err(Error::internal("first"))
        },
    )
    .await;
    assert_eq!(got.unwrap_err().message(), "first");
}

#[tokio::test(start_paused = true)]
async fn only_idempotent_calls_that_are_no_retries_are_hedged() {
    let hedge = hedge(Some(20 * MS));
    let target = known(&hedge);
    let chained = Work {
        attempt: 1,
        ..Work::default().idempotent()
    };
    for work in [Work::default(), chained] {
        assert_eq!(
            hedge.delay(&Attempts::new(&work, 0), &target.latency, Instant::now()),
            None
        );
        let sent = Counter::default();
        let counter = sent.clone();
        let got = retry::hedged(
            &exact(),
            &hedge,
            &target,
            work,
            |_| true,
            move |_| {
                counter.add();
                async {
                    sleep(100 * MS).await;
                    Ok(())
                }
            },
        )
        .await;
        got.unwrap();
        assert_eq!(sent.get(), 1);
    }
    let off = Hedge::default();
    let work = Work::default().idempotent();
    assert_eq!(
        off.delay(&Attempts::new(&work, 0), &target.latency, Instant::now()),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn delay_is_the_rolling_percentile_once_it_is_known() {
    let hedge = hedge(None);
    let attempts = Attempts::new(&Work::default().idempotent(), 0);
    let now = Instant::now();
    let target = Target::new(&BudgetConfig::default(), &hedge, now);
    assert_eq!(hedge.delay(&attempts, &target.latency, now), None);
    let target = known(&hedge);
    let delay = hedge.delay(&attempts, &target.latency, now).unwrap();
    assert!((9 * MS..=11 * MS).contains(&delay), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn hedges_stay_within_their_share_and_the_budget() {
    let hedge = hedge(Some(20 * MS));
    let now = Instant::now();
    let target = Target::new(&BudgetConfig::default(), &hedge, now);
    (0..1000).for_each(|_| target.begin(now));
    assert_eq!(
        (0..1000).filter(|_| target.try_hedge(None, now)).count(),
        50
    );
    assert_eq!(target.budget.balance(now), 130 - 50);

    let none = BudgetConfig {
        ratio: 0.0,
        floor_per_second: 0.0,
        ..BudgetConfig::default()
    };
    let target = Target::new(&none, &hedge, now);
    (0..1000).for_each(|_| target.begin(now));
    assert!(!target.try_hedge(None, now));
    assert_eq!(
        target.hedges.balance(now),
        50,
        "what the budget refuses is not used up"
    );
}

/// What a call of the simulation takes: 5 to 15 ms, and 200 ms more on the slow node, which the
/// balancer sends one call in 50 (it moves most of its share away, and a cap of 5 % on hedges
/// cannot help a node that keeps its quarter).
fn takes(call: u64, attempt: Attempt) -> Duration {
    let slow = attempt.number == 0 && random(call * 2) < 0.02;
    let base = random(call * 7 + u64::from(attempt.number)).mul_add(10.0, 5.0);
    Duration::from_secs_f64((base + if slow { 200.0 } else { 0.0 }) / 1000.0)
}

/// P99 of 5,000 calls, after 1,000 to warm up, and the attempts that all of them made.
async fn simulate(hedge: Hedge) -> (Duration, usize) {
    let target = Target::new(&BudgetConfig::default(), &hedge, Instant::now());
    let (sent, mut calls) = (Counter::default(), JoinSet::new());
    for call in 0..6000 {
        let (target, sent) = (Arc::clone(&target), sent.clone());
        calls.spawn(async move {
            let start = Instant::now();
            let work = Work::default().idempotent();
            let attempt = move |attempt| {
                sent.add();
                async move {
                    sleep(takes(call, attempt)).await;
                    Ok(())
                }
            };
            retry::hedged(&Policy::default(), &hedge, &target, work, |_| true, attempt).await?;
            Ok::<_, Error>((call, start.elapsed()))
        });
        sleep(2 * MS).await;
    }
    let mut times = Vec::new();
    while let Some(done) = calls.join_next().await {
        let (call, time) = done.unwrap().unwrap();
        times.extend((call >= 1000).then_some(time));
    }
    times.sort_unstable();
    (times[times.len() * 99 / 100], sent.get())
}

#[tokio::test(start_paused = true)]
async fn slow_node_is_hidden_by_few_extra_calls() {
    let (without, sent) = simulate(Hedge::default()).await;
    assert!(without > 200 * MS, "{without:?}");
    assert_eq!(sent, 6000);
    // A normal call takes 15 ms at the 99th percentile, and the delay is the P95 or 20 ms.
    for (hedge, bound) in [(hedge(None), 31 * MS), (hedge(Some(20 * MS)), 35 * MS)] {
        let (with, sent) = simulate(hedge).await;
        assert!(with <= bound, "{with:?}");
        assert!(sent <= 6300, "{sent}");
    }
}
