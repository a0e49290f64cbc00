//! Exponential back-off with jitter.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// First pause. Short, because most lost connections come back at once.
const BASE: Duration = Duration::from_millis(100);
/// Longest pause.
const CAP: Duration = Duration::from_secs(5);

/// Pauses that grow by 1.6 from 100 ms to 5 s, each ±20 %, so that the clients of a server that
/// comes back do not all come at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        // A hasher with random keys is the standard library's only source of randomness.
        let random = RandomState::new().hash_one(self.failures);
        let pause = pause(self.failures, (random % 1024) as f64 / 1023.0);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Whether nothing has failed since the last success.
    pub(crate) fn is_fresh(&self) -> bool {
        self.failures == 0
    }

    /// A success: the next failure begins anew.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The pause after so many failures; `random` is 0 to 1.
fn pause(failures: u32, random: f64) -> Duration {
    let grown = BASE.mul_f64(1.6_f64.powi(failures.min(30).cast_signed()));
    grown.min(CAP).mul_f64(0.8 + 0.4 * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_within_their_bounds() {
        for failures in [0, 1, 5, 30, u32::MAX] {
            for random in [0.0, 0.5, 1.0] {
                let pause = pause(failures, random);
                assert!(
                    pause >= BASE.mul_f64(0.8) && pause <= CAP.mul_f64(1.2),
                    "{pause:?}"
                );
            }
        }
    }

    #[test]
    fn pauses_grow_and_begin_anew() {
        let mut backoff = Backoff::default();
        let first = backoff.next();
        for _ in 0..10 {
            let _ = backoff.next();
        }
        assert!(backoff.next() > first * 10);
        backoff.reset();
        assert!(backoff.next() < BASE * 2);
    }
}
