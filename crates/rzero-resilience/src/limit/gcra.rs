//! The generic cell rate algorithm (ITU-T I.371), as numbers in and a decision out.
//!
//! A token bucket needs a count and a time; this needs one number, the *theoretical arrival time*
//! (`tat`): when the caller's bucket will be full again. With `T = period / rate` and
//! `tau = T × burst`, a request for `n` moves it to `tat' = max(now, tat) + n × T` and is allowed
//! iff `tat' - now <= tau`; a refused request moves nothing. There is no window whose edge could
//! be used to spend the quota twice.
//!
//! [`Gcra::step`] does not know what a tick is. The local limits count nanoseconds; a limiter whose
//! state lives elsewhere may count microseconds of that place's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::epoch::nanos;

/// Longest debt that is kept, in ticks: no sum overflows, and in nanoseconds it is 146 years.
const TOLERANCE_MAX: u64 = 1 << 62;

/// A rate and how far ahead of it a caller may be.
///
/// The interval between two tokens is rounded up to a whole tick, so that the rate is never
/// exceeded; the loss is below 0.1 % up to a million per second in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval: u64,
    tolerance: u64,
}

/// What [`Gcra::step`] says, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether the request is within the limit.
    pub allowed: bool,
    /// The theoretical arrival time to keep; as it was when the request was refused.
    pub tat: u64,
    /// How many more would be allowed right now.
    pub remaining: u64,
    /// After how long the same request will be allowed: 0 when it was, `u64::MAX` when it never
    /// will be because it asks for more than the burst.
    pub retry_after: u64,
    /// After how long nothing is used any more.
    pub reset_after: u64,
}

/// What [`Gcra::decide`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request is within the limit.
    pub allowed: bool,
    /// How many more would be allowed right now.
    pub remaining: u64,
    /// After how long the same request will be allowed: zero when it was, [`Duration::MAX`] when
    /// it never will be because it asks for more than the burst.
    pub retry_after: Duration,
    /// After how long nothing is used any more.
    pub reset_after: Duration,
}

/// The state of one caller: its theoretical arrival time, in one atomic word.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Gcra {
    /// `rate` per `period`, at most `burst` at once, counted in nanoseconds.
    ///
    /// Zeros count as one.
    #[must_use]
    pub fn new(rate: u32, period: Duration, burst: u32) -> Self {
        Self::with_ticks(u64::from(rate), nanos(period), u64::from(burst))
    }

    /// `rate` per `period` ticks of whatever clock the caller uses, at most `burst` at once.
    ///
    /// Zeros count as one. A burst that would take more than 2^62 ticks to earn is cut to that.
    #[must_use]
    pub const fn with_ticks(rate: u64, period: u64, burst: u64) -> Self {
        let interval = at_least_one(period.div_ceil(at_least_one(rate)));
        let interval = if interval > TOLERANCE_MAX {
            TOLERANCE_MAX
        } else {
            interval
        };
        let tolerance = interval.saturating_mul(at_least_one(burst));
        Self {
            interval,
            tolerance: if tolerance > TOLERANCE_MAX {
                TOLERANCE_MAX
            } else {
                tolerance
            },
        }
    }

    /// Ticks between two tokens, `T`.
    #[must_use]
    pub const fn interval(self) -> u64 {
        self.interval
    }

    /// Ticks that a caller may be ahead, `tau`.
    #[must_use]
    pub const fn tolerance(self) -> u64 {
        self.tolerance
    }

    /// Decides on `n` tokens at `now` for a caller whose state is `tat` (0: never seen).
    ///
    /// Times of one caller may come out of order: an earlier `now` cannot win tokens. `n = 0` asks
    /// without taking.
    #[must_use]
    pub const fn step(self, tat: u64, now: u64, n: u64) -> Step {
        let base = if tat > now { tat } else { now };
        let cost = self.interval.saturating_mul(n);
        let next = base.saturating_add(cost);
        let allowed = next - now <= self.tolerance;
        let debt = if allowed { next - now } else { base - now };
        let retry_after = match allowed {
            true => 0,
            false if cost > self.tolerance => u64::MAX,
            false => next - now - self.tolerance,
        };
        Step {
            allowed,
            tat: if allowed { next } else { tat },
            remaining: self.tolerance.saturating_sub(debt) / self.interval,
            retry_after,
            reset_after: debt,
        }
    }

    /// Takes `n` tokens of `cell` at `now`, in nanoseconds since any fixed instant, if they are
    /// there. Lock-free.
    pub fn decide(self, cell: &Cell, now: u64, n: u32) -> Decision {
        let mut tat = cell.0.load(Ordering::Relaxed);
        loop {
            let step = self.step(tat, now, u64::from(n));
            if step.tat == tat {
                return Decision::from(step);
            }
            // The word is all the state there is, so no other memory has to be ordered by it.
            let swapped =
                cell.0
                    .compare_exchange_weak(tat, step.tat, Ordering::Relaxed, Ordering::Relaxed);
            match swapped {
                Ok(_) => return Decision::from(step),
                Err(newer) => tat = newer,
            }
        }
    }

    /// `tat` as it is under another rate: as many tokens stay used, at most all of them.
    pub(super) fn rescale(self, tat: u64, now: u64, to: Self) -> u64 {
        let debt = u128::from(tat.saturating_sub(now));
        let debt = debt * u128::from(to.interval) / u128::from(self.interval);
        let debt = debt.min(u128::from(to.tolerance));
        now + u64::try_from(debt).expect("at most the tolerance, which is a u64")
    }

    pub(super) const fn from_parts(interval: u64, tolerance: u64) -> Self {
        Self {
            interval: at_least_one(interval),
            tolerance,
        }
    }
}

impl From<Step> for Decision {
    fn from(step: Step) -> Self {
        Self {
            allowed: step.allowed,
            remaining: step.remaining,
            retry_after: match step.retry_after {
                u64::MAX => Duration::MAX,
                ticks => Duration::from_nanos(ticks),
            },
            reset_after: Duration::from_nanos(step.reset_after),
        }
    }
}

impl Cell {
    /// A caller that was never seen.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

const fn at_least_one(n: u64) -> u64 {
    if n == 0 { 1 } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_five_per_second_burst_two() {
        let gcra = Gcra::with_ticks(5, 1_000_000, 2);
        let first = gcra.step(0, 1_000, 1);
        assert_eq!(
            (first.allowed, first.tat, first.remaining),
            (true, 201_000, 1)
        );
        let second = gcra.step(first.tat, 1_000, 1);
        assert_eq!(
            (second.allowed, second.remaining, second.reset_after),
            (true, 0, 400_000)
        );
        let third = gcra.step(second.tat, 1_000, 1);
        assert_eq!(
            (third.allowed, third.tat, third.retry_after),
            (false, second.tat, 200_000)
        );
        assert!(!gcra.step(second.tat, 200_999, 1).allowed);
        assert!(gcra.step(second.tat, 201_000, 1).allowed);
    }

    #[test]
    fn more_than_the_burst_is_never_allowed() {
        let step = Gcra::with_ticks(1000, 1_000_000, 1).step(0, 0, 2);
        assert_eq!(
            (step.allowed, step.retry_after, step.remaining),
            (false, u64::MAX, 1)
        );
    }

    #[test]
    fn asking_for_nothing_takes_nothing() {
        let gcra = Gcra::new(1, Duration::from_secs(1), 3);
        let cell = Cell::new();
        assert_eq!(gcra.decide(&cell, 5, 0).remaining, 3);
        assert_eq!(gcra.decide(&cell, 5, 1).remaining, 2);
        assert_eq!(gcra.decide(&cell, 5, 0).remaining, 2);
    }

    #[test]
    fn time_going_back_grants_nothing() {
        let gcra = Gcra::with_ticks(1, 100, 1);
        let first = gcra.step(0, 1_000, 1);
        assert!(!gcra.step(first.tat, 900, 1).allowed);
        assert!(!gcra.step(first.tat, 0, 1).allowed);
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        for gcra in [
            Gcra::with_ticks(u64::MAX, 1, u64::MAX),
            Gcra::with_ticks(1, u64::MAX, u64::MAX),
            Gcra::with_ticks(0, 0, 0),
        ] {
            let first = gcra.step(0, 1 << 61, 1);
            assert!(first.allowed);
            let _ = gcra.step(first.tat, 1 << 61, u64::MAX);
        }
    }

    #[test]
    fn a_new_rate_keeps_the_tokens_used() {
        let (slow, fast) = (Gcra::with_ticks(1, 1_000, 10), Gcra::with_ticks(1, 10, 4));
        let tat = slow.step(0, 500, 3).tat;
        let tat = slow.rescale(tat, 500, fast);
        assert_eq!(fast.step(tat, 500, 0).remaining, 1);
        let spent = slow.step(0, 500, 10).tat;
        assert_eq!(
            fast.step(slow.rescale(spent, 500, fast), 500, 0).remaining,
            0
        );
    }
}
