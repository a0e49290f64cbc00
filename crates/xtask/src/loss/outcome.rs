//! What a load saw of an event.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::fleet::INSTANCES;
use super::promise::faults;
use super::scenario::{Event, Load, Registry, Turn};

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) began_us: u64,
    pub(super) ended_us: u64,
    pub(super) reason: String,
}

/// What one load saw in one round. Times are microseconds since 1970 where they end in `at_us`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Outcome {
    /// How long it called.
    pub(super) took: Duration,
    /// When the event began.
    pub(super) at_us: u64,
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// Conversations begun again before anything of them ran.
    pub(super) reconnects: u64,
    /// The failed calls, of very many the first.
    pub(super) failures: Vec<Failure>,
    /// A text for each reason, for whoever looks for the cause.
    pub(super) errors: BTreeMap<String, String>,
    /// Instances that answered.
    pub(super) answered: Vec<String>,
    /// The victim's last answer.
    pub(super) victims_last_us: Option<u64>,
    /// When the victim was ejected.
    pub(super) out_at_us: Option<u64>,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    /// The slowest call that succeeded.
    pub(super) slowest_us: u64,
    /// The promises that were broken.
    pub(super) faults: Vec<String>,
}

impl Outcome {
    /// Reads the sum that the load prints.
    pub(super) fn read(sum: &Value, took: Duration, at_us: u64, victim: &str) -> Self {
        let number = |key: &str| sum[key].as_u64().unwrap_or_default();
        let told = sum["failures"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let failures = told.clone().map(|failure| Failure {
            began_us: failure["began_us"].as_u64().unwrap_or_default(),
            ended_us: failure["ended_us"].as_u64().unwrap_or_default(),
            reason: text(&failure["reason"]),
        });
        let errors = told.map(|failure| (text(&failure["reason"]), text(&failure["text"])));
        let servers = sum["servers"].as_object();
        Self {
            took,
            at_us,
            calls: number("calls"),
            failed: number("failed"),
            reconnects: number("reconnects"),
            failures: failures.collect(),
            errors: errors.collect(),
            answered: servers
                .into_iter()
                .flatten()
                .map(|(id, _)| id.clone())
                .collect(),
            victims_last_us: sum["servers"][INSTANCES[0]]["last_us"].as_u64(),
            out_at_us: sum["ejected_us"][victim].as_u64(),
            p50_us: number("p50_us"),
            p99_us: number("p99_us"),
            slowest_us: number("max_us"),
            faults: Vec::new(),
        }
    }

    /// Calls a second.
    pub(super) fn rate(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64().max(0.001)
    }

    /// From the event until no call failed any more; where none did, until the victim gave its last
    /// answer, or was ejected.
    pub(super) fn noticed(&self, event: Event) -> Option<Duration> {
        let since = |at: u64| Duration::from_micros(at.saturating_sub(self.at_us));
        match event {
            Event::Kill => {
                let failed = self.failures.iter().map(|failure| failure.ended_us).max();
                failed.max(self.victims_last_us).map(since)
            }
            Event::Hang => self.out_at_us.map(since),
            Event::Restart | Event::EmptyStore | Event::KeysGone => None,
        }
    }
}

/// All rounds of an event under a load.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) event: Event,
    pub(super) registry: Registry,
    pub(super) load: Load,
    pub(super) rounds: Vec<Outcome>,
}

impl Row {
    pub(super) fn new(turn: &Turn, load: Load) -> Self {
        Self {
            event: turn.event,
            registry: turn.registry,
            load,
            rounds: Vec::new(),
        }
    }

    /// Adds a round, judged.
    pub(super) fn add(&mut self, mut outcome: Outcome, quick: bool) {
        outcome.faults = faults(self.event, self.load, &outcome, quick);
        self.rounds.push(outcome);
    }

    pub(super) fn name(&self) -> String {
        let (event, registry) = (self.event.name(), self.registry.name());
        format!("{event}, {registry}, {}", self.load.name())
    }

    /// The promises that were broken in any round.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let named = move |fault: &String| format!("{}: {fault}", self.load.name());
        self.rounds
            .iter()
            .flat_map(|round| &round.faults)
            .map(named)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{Event, Outcome};

    #[test]
    fn sum_of_a_load_is_read() {
        let sum = json!({
            "calls": 100, "failed": 1, "max_us": 7,
            "failures": [{"began_us": 90, "ended_us": 130, "reason": "CONNECTION_LOST", "text": "x"}],
            "servers": {"a": {"last_us": 120}, "b": {"last_us": 900}},
            "ejected_us": {"127.0.0.1:7": 1100},
        });
        let outcome = Outcome::read(&sum, Duration::from_secs(10), 100, "127.0.0.1:7");
        assert_eq!(
            (outcome.calls, outcome.failed, outcome.slowest_us),
            (100, 1, 7)
        );
        let micros = |n| Some(Duration::from_micros(n));
        assert_eq!(outcome.noticed(Event::Kill), micros(30));
        assert_eq!(outcome.noticed(Event::Hang), micros(1000));
        assert_eq!(outcome.answered, ["a", "b"]);
    }
}
