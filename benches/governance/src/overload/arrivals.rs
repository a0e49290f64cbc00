//! The open loop: calls that do not wait for each other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{Call, CallInfo, Class, Connection, RetrySafety};
use rzero_testing::Echo;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::DEADLINE;
use crate::latencies::Latencies;
use crate::random::Random;

const SEED: u64 = 0x0bad_5eed;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    /// The server said that it has too much to do.
    Refused,
    /// Its time passed.
    Late,
    Failed,
}

/// One call, due at `due`.
pub(super) async fn call(connection: &dyn Connection, due: Instant) -> End {
    let deadline = due + DEADLINE;
    let mut info = CallInfo::new(Echo::SAY, due);
    info.set_deadline(Some(deadline));
    let body = Bytes::from_static(b"hello");
    let reply = connection.unary(Call { info, body });
    match timeout_at(deadline, reply).await {
        Ok(Ok(_)) => End::Answered,
        Ok(Err(error)) => end_of(error.class()),
        Err(_) => End::Late,
    }
}

fn end_of(class: Class) -> End {
    match class {
        Class::ExpiredInQueue | Class::DeadlineExceeded | Class::Cancelled => End::Late,
        class if class.retry_safety() == RetrySafety::NothingRan => End::Refused,
        _ => End::Failed,
    }
}

/// Calls at a mean of `rate` a second; those that are due after `warm_up` count.
pub(super) async fn run(
    connections: &[Arc<dyn Connection>],
    rate: f64,
    warm_up: Duration,
    measure: Duration,
) -> Tally {
    let (begin, mut random) = (Instant::now(), Random::seeded(SEED));
    let mut due = begin;
    let mut calls = JoinSet::new();
    for connection in connections.iter().cycle() {
        due += Duration::from_secs_f64(random.exponential() / rate);
        if due >= begin + warm_up + measure {
            break;
        }
        // The timer has steps of 1 ms; what is due by now is not waited for.
        if due > Instant::now() {
            sleep_until(due).await;
        }
        let connection = Arc::clone(connection);
        let counts = due >= begin + warm_up;
        calls.spawn(async move {
            let end = call(&*connection, due).await;
            (counts, end, due.elapsed())
        });
    }
    let mut tally = Tally::default();
    // Every call ends at its deadline.
    for (counts, end, took) in calls.join_all().await {
        if counts {
            tally.add(end, took);
        }
    }
    tally
}

/// What became of all of them.
#[derive(Default)]
pub(super) struct Tally {
    answered: u64,
    refused: u64,
    late: u64,
    failed: u64,
    /// Of the calls that were not refused; those that were late took all of their time.
    accepted: Latencies,
}

impl Tally {
    fn add(&mut self, end: End, took: Duration) {
        match end {
            End::Answered => {
                self.answered += 1;
                self.accepted.add(took);
            }
            End::Late => {
                self.late += 1;
                self.accepted.add(DEADLINE);
            }
            End::Refused => self.refused += 1,
            End::Failed => self.failed += 1,
        }
    }

    pub(super) fn json(mut self, mode: &str, load: f64, time: Duration) -> Value {
        let all = self.answered + self.refused + self.late + self.failed;
        let rate = |calls: u64| calls as f64 / time.as_secs_f64();
        json!({
            "mode": mode,
            "load": load,
            "offered": rate(all),
            "goodput": rate(self.answered),
            "refused": rate(self.refused),
            "late": rate(self.late),
            "failed": rate(self.failed),
            "p50_ms": self.accepted.quantile_ms(0.5),
            "p99_ms": self.accepted.quantile_ms(0.99),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_calls_took_all_of_their_time() {
        let mut tally = Tally::default();
        tally.add(End::Answered, Duration::from_millis(3));
        tally.add(End::Late, Duration::from_millis(2));
        tally.add(End::Refused, Duration::from_millis(1));
        let row = tally.json("off", 2.0, Duration::from_secs(2));
        assert_eq!(
            (row["p50_ms"].as_f64(), row["p99_ms"].as_f64()),
            (Some(3.0), Some(1000.0))
        );
        assert_eq!(
            (row["offered"].as_f64(), row["goodput"].as_f64()),
            (Some(1.5), Some(0.5))
        );
    }

    #[test]
    fn refusals_are_no_failures() {
        assert_eq!(end_of(Class::Overloaded), End::Refused);
        assert_eq!(end_of(Class::ExpiredInQueue), End::Late);
        assert_eq!(end_of(Class::Internal), End::Failed);
    }
}
