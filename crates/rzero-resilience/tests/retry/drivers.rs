//! `retry::run` on a paused clock.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rzero_core::{Ambient, Class, Error, scope};
use rzero_resilience::retry::{self, Attempt, Budget, BudgetConfig, Policy, Work};
use tokio::time::Instant;

use super::support::{Counter, budget, exact, lost};

#[tokio::test(start_paused = true)]
async fn attempts_come_at_their_times() {
    let (start, times) = (Instant::now(), Mutex::new(Vec::new()));
    let work = Work::default().idempotent();
    let result: Result<(), Error> = retry::run(&exact(), &budget(), work, |attempt| {
        times
            .lock()
            .unwrap()
            .push((attempt.number, start.elapsed().as_millis()));
        async { Err(lost()) }
    })
    .await;
    assert_eq!(result.unwrap_err().class(), Class::ConnectionLost);
    assert_eq!(
        times.into_inner().unwrap(),
        [(0, 0), (1, 25), (2, 75), (3, 175)]
    );
}

#[tokio::test(start_paused = true)]
async fn success_ends_the_attempts() {
    let result = retry::run(
        &Policy::default(),
        &budget(),
        Work::default(),
        |attempt| async move {
            match attempt.before {
                0 => Err(Error::new(Class::ConnectFailed, "refused")),
                before => Ok((before, attempt.number)),
            }
        },
    )
    .await;
    // A re-pick is no retry.
    assert_eq!(result.unwrap(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn lost_call_is_never_sent_twice_unless_idempotent() {
    let sent = Counter::default();
    for _ in 0..50 {
        let result: Result<(), _> = retry::run(&exact(), &budget(), Work::default(), |_| {
            sent.add();
            async { Err(lost()) }
        })
        .await;
        assert!(result.is_err());
    }
    assert_eq!(sent.get(), 50);
}

#[tokio::test(start_paused = true)]
async fn attempt_has_its_own_time() {
    let policy = Policy {
        attempt_timeout: Some(Duration::from_millis(100)),
        ..exact()
    };
    let start = Instant::now();
    let work = Work::default()
        .idempotent()
        .until(start + Duration::from_millis(290));
    let deadlines = Mutex::new(Vec::new());
    let result: Result<(), _> = retry::run(&policy, &budget(), work, |attempt| {
        deadlines
            .lock()
            .unwrap()
            .push((attempt.deadline.unwrap() - start).as_millis());
        pending()
    })
    .await;
    assert_eq!(result.unwrap_err().class(), Class::DeadlineExceeded);
    // 0 + 100, 125 + 100, and the third, begun at 275, has 15 ms of the whole left.
    assert_eq!(deadlines.into_inner().unwrap(), [100, 225, 290]);
    assert_eq!(start.elapsed(), Duration::from_millis(290));
}

#[tokio::test(start_paused = true)]
async fn without_time_nothing_begins() {
    let sent = Counter::default();
    let work = Work::default().until(Instant::now());
    let result: Result<(), _> = retry::run(&exact(), &budget(), work, |_| {
        sent.add();
        pending()
    })
    .await;
    assert_eq!(result.unwrap_err().class(), Class::DeadlineExceeded);
    assert_eq!(sent.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn empty_budget_gives_the_original_error() {
    let none = BudgetConfig {
        ratio: 0.0,
        floor_per_second: 0.0,
        ..BudgetConfig::default()
    };
    let budget = Budget::new(&none, Instant::now());
    let sent = Counter::default();
    let result: Result<(), _> = retry::run(&exact(), &budget, Work::default().idempotent(), |_| {
        sent.add();
        async { Err(Error::unavailable("the original")) }
    })
    .await;
    assert_eq!(
        (result.unwrap_err().message(), sent.get()),
        ("the original", 1)
    );
}

/// A service that answers by calling the one below it, over a wire that carries the number.
async fn middle(attempt: Attempt, leaf: &Counter, budget: &Budget) -> Result<(), Error> {
    let received = Ambient {
        attempt: attempt.number,
        ..Ambient::default()
    };
    scope(received, async {
        let work = Work::current().idempotent();
        retry::run(&exact(), budget, work, |_| {
            leaf.add();
            async { Err(Error::unavailable("dead")) }
        })
        .await
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn three_hops_call_a_dead_leaf_seven_times() {
    let (leaf, upper, lower) = (Counter::default(), budget(), budget());
    let work = Work::default().idempotent();
    let result = retry::run(&exact(), &upper, work, |attempt| {
        middle(attempt, &leaf, &lower)
    })
    .await;
    assert!(result.is_err());
    assert_eq!(leaf.get(), 7);
}

#[tokio::test(start_paused = true)]
async fn nested_retries_do_not_multiply() {
    let (leaf, budget) = (Counter::default(), budget());
    let (leaf, budget) = (&leaf, &budget);
    let work = Work::default().idempotent();
    let policy = &exact();
    let result: Result<(), _> = retry::run(policy, budget, work, |_| async move {
        // Its attempt number comes from the context that the outer attempt runs in.
        retry::run(policy, budget, Work::current().idempotent(), |_| {
            leaf.add();
            async { Err(lost()) }
        })
        .await
    })
    .await;
    assert!(result.is_err());
    assert_eq!(leaf.get(), 7);
}

#[tokio::test(start_paused = true)]
async fn cancelled_retries_leak_nothing() {
    let (policy, budget, in_flight) = (exact(), budget(), Counter::default());
    let mut cx = Context::from_waker(Waker::noop());
    for n in 0..10_000 {
        let in_flight = &in_flight;
        // Half of them are cancelled in the delay, half in the first attempt.
        let call = retry::run(
            &policy,
            &budget,
            Work::default().idempotent(),
            |_| async move {
                let _held = in_flight.hold();
                match n % 2 {
                    0 => Err::<(), _>(lost()),
                    _ => pending().await,
                }
            },
        );
        assert!(matches!(pin!(call).poll(&mut cx), Poll::Pending));
    }
    assert_eq!(in_flight.get(), 0);
    // Every first attempt has earned its tenth, and nothing was spent.
    assert_eq!(budget.balance(Instant::now()), 30 + 1000);
}
