//! What is promised about an event, and whether it was kept.

use std::time::Duration;

use super::fleet::INSTANCES;
use super::outcome::Outcome;
use super::scenario::{Event, Load};

/// How a call ends that was in flight on an instance that died.
const LOST: &str = "CONNECTION_LOST";
/// A call that begins while the connection breaks may stand in the list after one that ended then:
/// two threads, two clocks.
const RACE_US: u64 = 5_000;
/// The part of the offered load that has to have been made for the rest to say anything.
const CALLS_MIN: f64 = 0.5;
/// Conversations of a second that a worker makes in one, at least.
const STREAMS_MIN: f64 = 0.5;

/// The promise in words, for tables.
pub(super) const fn words(event: Event, load: Load) -> &'static str {
    match (event, load) {
        (Event::Kill, Load::Unary | Load::Stream) => "only calls in flight there fail",
        (Event::Hang, Load::Unary | Load::Stream) => {
            "out within two attempt timeouts, no call fails that began later"
        }
        (Event::Hang, Load::Idempotent) => "out within two attempt timeouts, no call fails",
        _ => "no call fails",
    }
}

/// The promises that were broken.
pub(super) fn faults(event: Event, load: Load, outcome: &Outcome, quick: bool) -> Vec<String> {
    let mut faults = Vec::new();
    match (event, load) {
        (Event::Kill, Load::Unary | Load::Stream) => faults.extend(in_flight(load, outcome)),
        (Event::Hang, Load::Unary | Load::Stream) => {
            faults.extend(out(load, outcome));
            faults.extend(begun_before(outcome, outcome.out_at_us, "it was out"));
        }
        (Event::Hang, Load::Idempotent) => {
            faults.extend(out(load, outcome));
            faults.extend(none_failed(outcome));
        }
        _ => faults.extend(none_failed(outcome)),
    }
    faults.extend(busy(load, outcome, quick));
    faults
}

fn none_failed(outcome: &Outcome) -> Option<String> {
    (outcome.failed > 0).then(|| {
        let (failed, calls) = (outcome.failed, outcome.calls);
        format!("{failed} of {calls} calls failed: {:?}", outcome.errors)
    })
}

/// Only what was in flight on the victim fails: each is lost with the connection, none began after
/// the first one was.
fn in_flight(load: Load, outcome: &Outcome) -> Option<String> {
    if outcome.failed > u64::from(load.concurrency()) {
        return Some(format!(
            "{} calls failed, more than were in flight",
            outcome.failed
        ));
    }
    if let Some((reason, text)) = outcome.errors.iter().find(|(reason, _)| *reason != LOST) {
        return Some(format!(
            "a call failed that was not lost with its connection: {reason}: {text}"
        ));
    }
    let first = outcome
        .failures
        .iter()
        .map(|failure| failure.ended_us)
        .min();
    begun_before(outcome, first, "the connection was lost")
}

fn begun_before(outcome: &Outcome, at_us: Option<u64>, what: &str) -> Option<String> {
    let end = at_us? + RACE_US;
    let late = outcome
        .failures
        .iter()
        .filter(|failure| failure.began_us > end);
    let late = late.count();
    (late > 0).then(|| format!("{late} failed calls began after {what}"))
}

/// Out within two attempt timeouts.
fn out(load: Load, outcome: &Outcome) -> Option<String> {
    let limit = 2 * load.attempt_timeout();
    match outcome.noticed(Event::Hang) {
        None => Some("it was never ejected".to_owned()),
        Some(time) if time > limit => Some(format!("out after {time:?}, not within {limit:?}")),
        Some(_) => None,
    }
}

/// There was a load, and all instances answered it.
fn busy(load: Load, outcome: &Outcome, quick: bool) -> Option<String> {
    let offered = match load.per_second(quick) {
        0 => f64::from(load.concurrency()) * STREAMS_MIN,
        rate => f64::from(rate) * CALLS_MIN,
    };
    // The first conversations are over after a second.
    let least = offered
        * outcome
            .took
            .saturating_sub(Duration::from_secs(2))
            .as_secs_f64();
    if (outcome.calls as f64) < least {
        return Some(format!(
            "only {} calls were made, want {least:.0}",
            outcome.calls
        ));
    }
    let silent = INSTANCES
        .iter()
        .find(|id| !outcome.answered.iter().any(|a| a == *id));
    silent.map(|id| format!("instance {id} answered no call"))
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Failure;
    use super::*;

    fn outcome() -> Outcome {
        Outcome {
            took: Duration::from_secs(10),
            at_us: 1_000_000,
            calls: 20_000,
            answered: INSTANCES.map(str::to_owned).to_vec(),
            ..Outcome::default()
        }
    }

    fn failed(reason: &str, began_us: u64, ended_us: u64) -> Outcome {
        let mut outcome = outcome();
        outcome.failed = 2;
        outcome.errors.insert(reason.to_owned(), "text".to_owned());
        for (began_us, ended_us) in [(999_000, 1_002_000), (began_us, ended_us)] {
            let reason = reason.to_owned();
            outcome.failures.push(Failure {
                began_us,
                ended_us,
                reason,
            });
        }
        outcome
    }

    #[test]
    fn no_failed_call_breaks_nothing() {
        for event in [
            Event::Restart,
            Event::Kill,
            Event::EmptyStore,
            Event::KeysGone,
        ] {
            assert_eq!(faults(event, Load::Unary, &outcome(), false), [""; 0]);
        }
    }

    #[test]
    fn any_failed_call_breaks_a_restart() {
        let outcome = failed(LOST, 999_500, 1_002_500);
        assert_eq!(
            faults(Event::Restart, Load::Unary, &outcome, false).len(),
            1
        );
    }

    #[test]
    fn of_a_killed_instance_only_calls_in_flight_may_fail() {
        let judge = |outcome| faults(Event::Kill, Load::Unary, &outcome, false);
        assert_eq!(judge(failed(LOST, 999_500, 1_002_500)), [""; 0]);
        let late = judge(failed(LOST, 1_500_000, 1_600_000));
        assert_eq!(late, ["1 failed calls began after the connection was lost"]);
        assert_eq!(judge(failed("NO_ENDPOINT", 999_500, 1_002_500)).len(), 1);
        let idempotent = failed(LOST, 999_500, 1_002_500);
        assert_eq!(
            faults(Event::Kill, Load::Idempotent, &idempotent, false).len(),
            1
        );
    }

    #[test]
    fn hung_instance_has_to_be_out_in_time() {
        let judge = |out_at_us| {
            let outcome = Outcome {
                out_at_us,
                ..outcome()
            };
            faults(Event::Hang, Load::Idempotent, &outcome, false).len()
        };
        assert_eq!(
            (judge(None), judge(Some(2_900_000)), judge(Some(3_100_000))),
            (1, 0, 1)
        );
    }

    #[test]
    fn load_that_was_none_proves_nothing() {
        let idle = Outcome {
            calls: 10,
            ..outcome()
        };
        assert_eq!(faults(Event::Restart, Load::Unary, &idle, false).len(), 1);
        let silent = Outcome {
            answered: vec!["a".into(), "c".into()],
            ..outcome()
        };
        let faults = faults(Event::Restart, Load::Unary, &silent, false);
        assert_eq!(faults, ["instance b answered no call"]);
    }
}
