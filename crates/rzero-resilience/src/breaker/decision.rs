//! The formula: how likely a call is to be rejected, from what happened in the window.
//!
//! It is the client-side throttling of Google's *Site Reliability Engineering* (chapter "Handling
//! Overload") with go-zero's refinements: a protection, a multiplier that falls while nothing
//! succeeds, and a chance that falls while nothing fails.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a window are far below 2^52"
)]

use super::ring::Runs;

/// From this chance of rejection on a breaker is called open.
const OPEN: f64 = 0.9;

/// What a breaker does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Everything passes.
    #[default]
    Closed = 0,
    /// Calls are rejected with a chance below 9 in 10.
    Throttling = 1,
    /// Calls are rejected with a chance of 9 in 10 or more; now and then one passes.
    Open = 2,
}

impl State {
    pub(super) const ALL: [Self; 3] = [Self::Closed, Self::Throttling, Self::Open];

    /// `closed`, `throttling` or `open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Throttling => "throttling",
            Self::Open => "open",
        }
    }
}

/// The numbers of the formula.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) k: f64,
    pub(super) k_min: f64,
    pub(super) protection: f64,
    pub(super) buckets: f64,
}

/// What the window holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Answers and rejections.
    pub(super) total: u64,
    /// Successes.
    pub(super) accepts: u64,
}

/// A chance of rejection, kept as a fraction so that nobody needs to divide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    excess: f64,
    of: f64,
    weight: f64,
}

impl Rule {
    /// Whether even the lowest multiplier lets everything pass, which needs no runs.
    pub(super) fn surely_passes(&self, window: Evidence) -> bool {
        window.total as f64 - self.protection <= self.k_min * window.accepts as f64
    }

    /// The chance of rejection.
    pub(super) fn chance(&self, window: Evidence, runs: Runs) -> Chance {
        let share = f64::from(runs.failing) / self.buckets;
        let multiplier = (self.k - (self.k - self.k_min) * share).max(self.k_min);
        let total = window.total as f64;
        Chance {
            excess: total - self.protection - multiplier * window.accepts as f64,
            of: total + 1.0,
            weight: 1.0 - f64::from(runs.working) / self.buckets,
        }
    }
}

impl Chance {
    /// The ratio of the formula, 0 to 1: before recent successes lower it.
    pub(super) fn ratio(self) -> f64 {
        (self.excess / self.of).max(0.0)
    }

    /// How likely a rejection is, 0 to 1.
    pub(super) fn value(self) -> f64 {
        self.ratio() * self.weight.max(0.0)
    }

    /// What it makes of the breaker.
    pub(super) fn state(self) -> State {
        let likely = self.excess * self.weight;
        if likely <= 0.0 {
            State::Closed
        } else if likely < OPEN * self.of {
            State::Throttling
        } else {
            State::Open
        }
    }

    /// Whether evenly distributed `dice` reject.
    pub(super) fn rejects(self, dice: u64) -> bool {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let thrown = (dice >> 11) as f64 * UNIT;
        thrown * self.of < self.excess * self.weight
    }
}

/// Evenly distributed bits from a counter: the output function of SplitMix64.
pub(super) fn dice(turn: u64) -> u64 {
    let mut z = turn.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule {
        k: 1.5,
        k_min: 1.1,
        protection: 5.0,
        buckets: 40.0,
    };

    fn chance(total: u64, accepts: u64, failing: u32, working: u32) -> Chance {
        RULE.chance(Evidence { total, accepts }, Runs { failing, working })
    }

    #[track_caller]
    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn ratio_follows_the_vectors() {
        close(chance(100, 100, 0, 0).ratio(), 0.0);
        close(chance(100, 0, 40, 0).ratio(), 95.0 / 101.0);
        close(chance(100, 60, 0, 0).ratio(), (95.0 - 90.0) / 101.0);
    }

    #[test]
    fn failing_buckets_lower_the_multiplier_to_its_floor() {
        close(chance(100, 60, 20, 0).ratio(), (95.0 - 1.3 * 60.0) / 101.0);
        close(chance(100, 60, 40, 0).ratio(), (95.0 - 1.1 * 60.0) / 101.0);
    }

    #[test]
    fn working_buckets_lower_the_chance() {
        close(chance(100, 0, 0, 10).value(), 95.0 / 101.0 * 0.75);
        assert_eq!(chance(100, 0, 0, 40).state(), State::Closed);
    }

    #[test]
    fn states_follow_the_chance() {
        assert_eq!(chance(100, 100, 0, 0).state(), State::Closed);
        assert_eq!(chance(100, 60, 0, 0).state(), State::Throttling);
        assert_eq!(chance(100, 0, 40, 0).state(), State::Open);
        assert_eq!(chance(5, 0, 1, 0).state(), State::Closed);
        assert_eq!(chance(6, 0, 1, 0).state(), State::Throttling);
    }

    #[test]
    fn a_fifth_of_failures_never_throttles() {
        for total in 0..10_000 {
            let accepts = total - total / 5;
            assert_eq!(chance(total, accepts, 0, 0).state(), State::Closed);
        }
    }

    #[test]
    fn dice_are_even() {
        let below = |limit: u64| (0..10_000).filter(|turn| dice(*turn) < limit).count();
        assert!((4_800..5_200).contains(&below(u64::MAX / 2)));
        assert!((850..1_150).contains(&below(u64::MAX / 10)));
    }

    proptest! {
        #[test]
        fn chance_stays_a_chance(
            total in 0u64..1_000_000, part in 0.0f64..=1.0, failing in 0u32..=40, working in 0u32..=40,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
            let accepts = (total as f64 * part) as u64;
            let chance = chance(total, accepts, failing, working);
            prop_assert!((0.0..=1.0).contains(&chance.value()));
            prop_assert!(chance.value() <= chance.ratio());
            prop_assert!(!chance.rejects(u64::MAX));
            prop_assert_eq!(chance.rejects(0), chance.state() != State::Closed);
        }

        #[test]
        fn the_short_cut_agrees_with_the_formula(
            total in 0u64..2_000, accepts in 0u64..2_000, failing in 0u32..=40,
        ) {
            let window = Evidence { total, accepts: accepts.min(total) };
            if RULE.surely_passes(window) {
                let chance = RULE.chance(window, Runs { failing, working: 0 });
                prop_assert!(chance.value() <= 1e-12);
            }
        }
    }
}
