//! How long to wait before etcd is asked again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The first wait; it doubles from there.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait while the trouble is young.
const YOUNG_MAX: Duration = Duration::from_secs(1);
/// How long it counts as young.
const YOUNG: Duration = Duration::from_secs(60);
/// The longest wait.
const OLD_MAX: Duration = Duration::from_secs(5);

/// Waits between attempts: quick at first, since most trouble is short, and jittered by half, so
/// that a fleet does not come in step.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
    since: Option<Instant>,
}

impl Backoff {
    /// It worked: the next trouble begins from the start.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing has failed since it worked.
    pub(crate) fn is_fresh(&self) -> bool {
        self.attempts == 0
    }

    /// How long to wait before the next attempt. `longest` bounds it further.
    pub(crate) fn next(&mut self, now: Instant, longest: Duration) -> Duration {
        let since = *self.since.get_or_insert(now);
        let most = if now - since < YOUNG {
            YOUNG_MAX
        } else {
            OLD_MAX
        };
        let wait = FIRST
            .saturating_mul(1 << self.attempts.min(10))
            .min(most)
            .min(longest);
        self.attempts = self.attempts.saturating_add(1);
        let percent = 100 - u32::try_from(random_below(51)).unwrap_or(0);
        wait * percent / 100
    }
}

/// A random number below `end`, which is not 0. Every `RandomState` has keys of its own.
pub(crate) fn random_below(end: usize) -> usize {
    let bits = RandomState::new().hash_one(0_u8) >> 32;
    usize::try_from(bits).unwrap_or(0) % end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let longest = Duration::from_secs(60);
        for expected in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next(start, longest).as_millis();
            assert!(
                (expected / 2..=expected).contains(&wait),
                "{wait} of {expected}"
            );
        }
        let wait = backoff.next(start + YOUNG, longest);
        assert!((OLD_MAX / 2..=OLD_MAX).contains(&wait), "{wait:?}");
        assert!(backoff.next(start + YOUNG, FIRST) <= FIRST);
        backoff.reset();
        assert!(backoff.next(start + YOUNG, longest) <= FIRST);
    }
}
