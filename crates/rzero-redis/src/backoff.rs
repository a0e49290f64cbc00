//! Pauses between attempts, spread at random so that a fleet does not come at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Pause after the first failure.
const FIRST: Duration = Duration::from_millis(50);

/// The pause after `failures` failures in a row, at most `longest`.
pub(crate) fn pause(failures: u32, longest: Duration) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    // Half to all of it.
    let span = doubled.min(longest);
    span / 2 + scaled(span / 2)
}

/// `span`, 20 % more or less.
pub(crate) fn jittered(span: Duration) -> Duration {
    span * 4 / 5 + scaled(span * 2 / 5)
}

/// A random part of `span`. Every `RandomState` has keys of its own.
fn scaled(span: Duration) -> Duration {
    let parts = u32::try_from(RandomState::new().hash_one(0_u8) % 1024).unwrap_or(0);
    span * parts / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_bounds() {
        let longest = Duration::from_secs(1);
        for (failures, most) in [(1, 50), (2, 100), (3, 200), (6, 1000), (40, 1000)] {
            let pause = pause(failures, longest).as_millis();
            assert!((most / 2..=most).contains(&pause), "{failures}: {pause}");
        }
    }

    #[test]
    fn jitter_is_a_fifth() {
        for _ in 0..100 {
            let wait = jittered(Duration::from_millis(100)).as_micros();
            assert!((80_000..=120_000).contains(&wait), "{wait}");
        }
    }
}
