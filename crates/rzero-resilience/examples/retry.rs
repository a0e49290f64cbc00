//! Retries within a budget, and a hedged read, without any server.
//!
//! Run it: `cargo run -p rzero-resilience --example retry`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use rzero_core::{Class, Error};
use rzero_resilience::retry::{
    self, Attempt, BudgetConfig, CancelCap, Hedge, Policy, Target, Work,
};
use tokio::time::{Instant, sleep};

/// A read that fails at first.
async fn flaky(attempt: Attempt) -> Result<u8, Error> {
    println!("  attempt {} at a node that fails twice", attempt.number);
    match attempt.number {
        0 | 1 => Err(Error::new(Class::ConnectionLost, "the node went away")),
        number => Ok(number),
    }
}

/// A read whose first node is slow.
async fn uneven(attempt: Attempt) -> Result<u8, Error> {
    let time = if attempt.number == 0 { 500 } else { 5 };
    sleep(Duration::from_millis(time)).await;
    Ok(attempt.number)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let now = Instant::now();
    // Hedges may be 5 % of calls by default; here there are few calls, so each may be.
    let hedge = Hedge {
        enabled: true,
        delay: Some(Duration::from_millis(20)),
        calls_ratio_max: 1.0,
        ..Hedge::default()
    };
    let target = Target::new(&BudgetConfig::default(), &hedge, now);
    let policy = Policy::default();
    let work = Work::current()
        .idempotent()
        .until(now + Duration::from_secs(2));

    println!("a flaky read:");
    let number = retry::run(&policy, &target.budget, work, flaky).await?;
    println!("  answered retry {number}");

    println!("the same, not idempotent:");
    let once = retry::run(&policy, &target.budget, Work::current(), flaky).await;
    println!(
        "  {}",
        once.map_or_else(|error| error.to_string(), |n| n.to_string())
    );

    println!("a slow read, hedged after 20 ms:");
    let cap = CancelCap::new(hedge.cancels_per_second, now);
    let may_cancel = |_| cap.try_cancel(Instant::now());
    let number = retry::hedged(&policy, &hedge, &target, work, may_cancel, uneven).await?;
    println!(
        "  attempt {number} was first; extra attempts left: {}",
        target.budget.balance(Instant::now())
    );
    Ok(())
}
