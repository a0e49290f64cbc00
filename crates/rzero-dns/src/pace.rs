//! When a service is asked for again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits between questions: as the records say within bounds, and growing while there is no
/// answer. Pure but for the chance that is handed in.
#[derive(Debug)]
pub(crate) struct Pace {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Pace {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            failures: 0,
        }
    }

    /// How long to wait after an answer that is true for `ttl`.
    pub(crate) fn answered(&mut self, ttl: Duration, chance: f64) -> Duration {
        self.failures = 0;
        later(ttl.clamp(self.min, self.max), chance)
    }

    /// How long to wait after no answer, or one that does not say how long it is true.
    pub(crate) fn unanswered(&mut self, chance: f64) -> Duration {
        let doubled = self.min.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        later(doubled.min(self.max), chance)
    }
}

/// Up to a tenth later. Never sooner: a cache on the way would give its old answer again.
fn later(wait: Duration, chance: f64) -> Duration {
    wait + wait.mul_f64(0.1 * chance)
}

/// A number from 0 to 1. Every `RandomState` has keys of its own.
pub(crate) fn chance() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(30);

    #[test]
    fn records_decide_within_the_bounds() {
        let mut pace = Pace::new(MIN, MAX);
        for (ttl, wait) in [(0, 1), (1, 1), (5, 5), (30, 30), (3600, 30), (u64::MAX, 30)] {
            let wait = Duration::from_secs(wait);
            let ttl = Duration::from_secs(ttl);
            assert_eq!(pace.answered(ttl, 0.0), wait);
            assert_eq!(pace.answered(ttl, 1.0), wait + wait / 10);
        }
    }

    #[test]
    fn waits_grow_without_answers_and_begin_anew_after_one() {
        let mut pace = Pace::new(MIN, MAX);
        let waits: Vec<u64> = (0..70).map(|_| pace.unanswered(0.0).as_secs()).collect();
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(waits[69], 30);
        pace.answered(MIN, 0.0);
        assert_eq!(pace.unanswered(0.0), MIN);
    }

    #[test]
    fn chance_is_a_share() {
        let chances: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        assert!(chances.iter().any(|chance| *chance != chances[0]));
    }
}
