//! The failures of a node: the recent share, those in a row, and totals.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::verdict::Verdict;

/// The share of failures, in 1/65536.
const ONE: u32 = 1 << 16;
/// Each completion moves the share of failures by this part of the distance (2^-3).
const SHIFT: u32 = 3;
/// Share of failures from which a node is drawn again in the hope for a better one.
const UNHEALTHY: u32 = ONE / 2;
/// Bits of the share, 0 to [`ONE`]; above them 8 bits of failures in a row, then 7 of timeouts.
const SHARE_BITS: u32 = 17;
const STREAK_BITS: u32 = 8;
/// Most failures in a row that are told apart.
pub(crate) const STREAK_MAX: u32 = (1 << STREAK_BITS) - 1;
/// Most timeouts in a row that are told apart.
pub(crate) const TIMEOUTS_MAX: u32 = (1 << (32 - SHARE_BITS - STREAK_BITS)) - 1;

/// One word for what changes together, and totals that only move when something is not fine: a
/// good call on a good node writes nothing here.
#[derive(Debug)]
pub(super) struct Failures {
    recent: AtomicU32,
    failed: AtomicU32,
    missing: AtomicU32,
    silent: AtomicU32,
}

/// The word taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    share: u32,
    pub(crate) streak: Streak,
}

/// Failures of a node in a row, no answer in between, as a call that [ended](crate::NodeStats::finish)
/// found them; both 0 when it was no failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// How many; counts to 255.
    pub failures: u32,
    /// How many of the last ones were timeouts; counts to 127.
    pub timeouts: u32,
}

/// Totals since the node is known. They wrap: only differences mean something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) failed: u32,
    pub(super) missing: u32,
    pub(super) silent: u32,
}

impl Failures {
    pub(super) const fn new() -> Self {
        Self {
            recent: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            missing: AtomicU32::new(0),
            silent: AtomicU32::new(0),
        }
    }

    /// Counts a call; `costly` is whether it raises the share. Gives the failures in a row that
    /// this one ends.
    pub(super) fn count(&self, costly: bool, verdict: Verdict) -> Streak {
        let total = match verdict {
            Verdict::Good => None,
            Verdict::Missing => Some(&self.missing),
            Verdict::Failed | Verdict::TimedOut => Some(&self.failed),
            Verdict::Silent => Some(&self.silent),
        };
        if let Some(total) = total {
            total.fetch_add(1, Relaxed);
        }
        let mut after = Recent::default();
        let _ = self.recent.fetch_update(Relaxed, Relaxed, |word| {
            after = Recent::unpack(word).after(costly, verdict);
            let new = after.pack();
            (new != word).then_some(new)
        });
        match verdict {
            Verdict::Failed | Verdict::TimedOut => after.streak,
            Verdict::Good | Verdict::Missing | Verdict::Silent => Streak::default(),
        }
    }

    /// Counts a call of which nothing is known.
    pub(super) fn skip(&self) {
        self.silent.fetch_add(1, Relaxed);
    }

    #[inline]
    pub(super) fn recent(&self) -> Recent {
        Recent::unpack(self.recent.load(Relaxed))
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            failed: self.failed.load(Relaxed),
            missing: self.missing.load(Relaxed),
            silent: self.silent.load(Relaxed),
        }
    }

    /// Forgets the recent ones; totals stay.
    pub(super) fn forget(&self) {
        self.recent.store(0, Relaxed);
    }
}

impl Recent {
    #[inline]
    const fn unpack(word: u32) -> Self {
        Self {
            share: word & ((1 << SHARE_BITS) - 1),
            streak: Streak {
                failures: (word >> SHARE_BITS) & STREAK_MAX,
                timeouts: word >> (SHARE_BITS + STREAK_BITS),
            },
        }
    }

    const fn pack(self) -> u32 {
        let Streak { failures, timeouts } = self.streak;
        self.share | failures << SHARE_BITS | timeouts << (SHARE_BITS + STREAK_BITS)
    }

    fn after(self, costly: bool, verdict: Verdict) -> Self {
        let target = if costly { ONE } else { 0 };
        let step = self.share.abs_diff(target).div_ceil(1 << SHIFT);
        let share = if costly {
            self.share + step
        } else {
            self.share - step
        };
        let failures = (self.streak.failures + 1).min(STREAK_MAX);
        let streak = match verdict {
            Verdict::Good | Verdict::Missing => Streak::default(),
            Verdict::Failed => Streak {
                failures,
                timeouts: 0,
            },
            Verdict::TimedOut => Streak {
                failures,
                timeouts: (self.streak.timeouts + 1).min(TIMEOUTS_MAX),
            },
            Verdict::Silent => self.streak,
        };
        Self { share, streak }
    }

    /// Share of failures, 0.0 to 1.0.
    #[inline]
    pub(crate) fn share(self) -> f32 {
        self.share as f32 / ONE as f32
    }

    /// Whether at least half of the recent calls failed.
    #[inline]
    pub(crate) const fn is_unhealthy(self) -> bool {
        self.share >= UNHEALTHY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_holds_what_was_put_in() {
        for share in [0, 1, ONE - 1, ONE] {
            for (failures, timeouts) in [(0, 0), (5, 2), (STREAK_MAX, TIMEOUTS_MAX)] {
                let streak = Streak { failures, timeouts };
                let recent = Recent { share, streak };
                assert_eq!(Recent::unpack(recent.pack()), recent);
            }
        }
    }

    #[test]
    fn share_reaches_both_ends_and_rows_saturate() {
        let failures = Failures::new();
        for _ in 0..1_000 {
            failures.count(true, Verdict::TimedOut);
        }
        let bad = failures.recent();
        assert_eq!(bad.share, ONE);
        assert_eq!(bad.streak.failures, STREAK_MAX);
        assert_eq!(bad.streak.timeouts, TIMEOUTS_MAX);
        for _ in 0..200 {
            failures.count(false, Verdict::Good);
        }
        assert_eq!(failures.recent(), Recent::default());
    }

    #[test]
    fn row_ends_with_an_answer_only() {
        let failures = Failures::new();
        let steps = [
            (Verdict::TimedOut, 1, 1),
            (Verdict::Silent, 0, 0),
            (Verdict::TimedOut, 2, 2),
            (Verdict::Failed, 3, 0),
            (Verdict::Missing, 0, 0),
            (Verdict::Failed, 1, 0),
            (Verdict::Good, 0, 0),
        ];
        for (verdict, in_a_row, timeouts) in steps {
            let streak = failures.count(true, verdict);
            assert_eq!((streak.failures, streak.timeouts), (in_a_row, timeouts));
        }
    }
}
