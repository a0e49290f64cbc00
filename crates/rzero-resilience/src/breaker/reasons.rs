//! The last failures, and the log lines about changes of state.

use std::time::Duration;

use rzero_core::Class;

use super::decision::State;
use super::sync::{AtomicU64, Ordering};

/// So many failures are remembered.
const REMEMBERED: usize = 5;
/// The same change of state is told again after so long.
const QUIET_NS: u64 = 5 * 60 * 1_000_000_000;
/// How a panic is packed; classes are packed as their position plus one, and 0 is nothing.
const PANIC: u64 = 0xff;

/// Why a call counted as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It ended with an error of this class.
    Class(Class),
    /// It panicked.
    Panic,
}

impl Reason {
    /// The reason of the class, or `PANIC`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class(class) => class.reason(),
            Self::Panic => "PANIC",
        }
    }
}

/// A failure that a breaker remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// How long ago.
    pub age: Duration,
}

/// The last failures, one word each: milliseconds above, reason in the low byte.
#[derive(Debug, Default)]
pub(super) struct Reasons([AtomicU64; REMEMBERED]);

impl Reasons {
    /// Remembers the failure before which there were `earlier` ones.
    pub(super) fn remember(&self, earlier: u64, reason: Reason, now_ns: u64) {
        let packed = match reason {
            Reason::Class(class) => class as u64 + 1,
            Reason::Panic => PANIC,
        };
        #[expect(clippy::cast_possible_truncation, reason = "below 5")]
        let place = (earlier % REMEMBERED as u64) as usize;
        self.0[place].store((now_ns / 1_000_000) << 8 | packed, Ordering::Relaxed);
    }

    /// The last failures, the latest first.
    pub(super) fn last(&self, now_ns: u64) -> Vec<Failure> {
        let mut words: Vec<u64> = self.0.iter().map(|w| w.load(Ordering::Relaxed)).collect();
        words.sort_unstable_by(|a, b| b.cmp(a));
        let unpack = |word: u64| {
            let reason = match word & 0xff {
                0 => return None,
                PANIC => Reason::Panic,
                #[expect(clippy::cast_possible_truncation, reason = "one byte")]
                position => Reason::Class(*Class::ALL.get(position as usize - 1)?),
            };
            let age = Duration::from_millis((now_ns / 1_000_000).saturating_sub(word >> 8));
            Some(Failure { reason, age })
        };
        words.into_iter().filter_map(unpack).collect()
    }
}

/// Tells each change of state at most once in five minutes.
#[derive(Debug, Default)]
pub(super) struct Herald {
    /// When the change to each state was told, plus one; 0 is never.
    told_ns: [AtomicU64; State::ALL.len()],
    untold: AtomicU64,
}

impl Herald {
    /// Whether to tell the change to `state`, and how many were not told before.
    pub(super) fn tells(&self, state: State, now_ns: u64) -> Option<u64> {
        let told = &self.told_ns[state as usize];
        let last = told.load(Ordering::Relaxed);
        let due = last == 0 || now_ns.saturating_sub(last - 1) >= QUIET_NS;
        if due
            && told
                .compare_exchange(last, now_ns + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(all(test, not(rzero_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_remembered_as_itself() {
        for class in Class::ALL {
            let reasons = Reasons::default();
            reasons.remember(0, Reason::Class(*class), 5_000_000);
            let known = reasons.last(7_000_000);
            assert_eq!(known.len(), 1);
            assert_eq!(known[0].reason, Reason::Class(*class));
            assert_eq!(known[0].age, Duration::from_millis(2));
        }
    }

    #[test]
    fn the_last_five_are_kept_latest_first() {
        let reasons = Reasons::default();
        for n in 0..7 {
            let reason = if n == 6 {
                Reason::Panic
            } else {
                Reason::Class(Class::Internal)
            };
            reasons.remember(n, reason, n * 1_000_000);
        }
        let known = reasons.last(10_000_000);
        assert_eq!(known[0].reason, Reason::Panic);
        let ages: Vec<_> = known.iter().map(|f| f.age.as_millis()).collect();
        assert_eq!(ages, [4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_repeated_change_is_told_after_five_minutes() {
        let herald = Herald::default();
        assert_eq!(herald.tells(State::Open, 0), Some(0));
        assert_eq!(herald.tells(State::Closed, 1), Some(0));
        assert_eq!(herald.tells(State::Open, 2), None);
        assert_eq!(herald.tells(State::Open, QUIET_NS - 1), None);
        assert_eq!(herald.tells(State::Open, QUIET_NS), Some(2));
    }
}
