//! A breaker and a time that only the test moves.

use std::time::Duration;

use rzero_core::{Class, Outcome};
use rzero_resilience::breaker::{Breaker, Config, Pass, Settings, Snapshot};
use tokio::time::Instant;

pub(crate) const BAD: Outcome = Outcome::failed(Class::Unavailable);

pub(crate) struct Bench {
    pub(crate) breaker: Breaker,
    pub(crate) now: Instant,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let now = Instant::now();
        let breaker = Breaker::new("callee", "/a.B/Get", settings(change), now);
        Self { breaker, now }
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// A call that passes whatever the breaker thinks.
    pub(crate) fn pass(&self) -> Pass {
        self.breaker.enter_with(self.now, u64::MAX).unwrap()
    }

    /// Calls that pass whatever the breaker thinks, and end at once.
    pub(crate) fn calls(&self, count: u32, outcome: Outcome) {
        for _ in 0..count {
            self.pass().finish(outcome, self.now);
        }
    }

    /// Calls as they come; how many were rejected.
    pub(crate) fn offer(&self, count: u32, outcome: Outcome) -> u32 {
        let mut rejected = 0;
        for _ in 0..count {
            match self.breaker.enter(self.now) {
                Ok(pass) => pass.finish(outcome, self.now),
                Err(_) => rejected += 1,
            }
        }
        rejected
    }

    /// A call that took `ms`.
    pub(crate) fn lasting(&mut self, ms: u64) {
        let pass = self.pass();
        self.wait(ms);
        pass.finish(Outcome::OK, self.now);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.breaker.snapshot(self.now)
    }
}

pub(crate) fn settings(change: impl FnOnce(&mut Config)) -> Settings {
    let mut config = Config::default();
    change(&mut config);
    Settings::try_from(config).unwrap()
}

#[track_caller]
pub(crate) fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}
