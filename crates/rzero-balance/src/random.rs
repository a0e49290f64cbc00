//! Small, fast random numbers: good enough to spread load, useless for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::key::mix;

/// The step of a Weyl sequence: 2^64 divided by the golden ratio, odd.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(GOLDEN));
}

/// Where a picker takes its dice from.
#[derive(Debug)]
pub struct Randomness(Source);

#[derive(Debug)]
enum Source {
    /// One state per thread, seeded by the operating system: nothing is shared.
    Thread,
    /// One shared state: the same seed gives the same picks on one thread.
    Seeded(AtomicU64),
}

impl Randomness {
    /// Unpredictable and free of contention: one generator per thread. For production.
    #[must_use]
    pub const fn per_thread() -> Self {
        Self(Source::Thread)
    }

    /// Repeatable: the same `seed` gives the same sequence. For tests and simulations.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(AtomicU64::new(seed)))
    }

    /// The dice of one pick.
    #[inline]
    pub(crate) fn dice(&self) -> Dice {
        Dice(match &self.0 {
            Source::Thread => STATE
                .try_with(|state| {
                    let next = state.get().wrapping_add(GOLDEN);
                    state.set(next);
                    mix(next)
                })
                // Only while the thread is being torn down.
                .unwrap_or(GOLDEN),
            Source::Seeded(state) => mix(state.fetch_add(GOLDEN, Relaxed)),
        })
    }
}

/// The random numbers of one pick: owned by it, so drawing touches no shared memory.
pub(crate) struct Dice(u64);

impl Dice {
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `n`, which is not 0. The bias is below `n / 2^32`.
    #[inline]
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        scale(self.next(), n)
    }

    /// A number in `0.0..1.0`.
    #[inline]
    pub(crate) fn unit(&mut self) -> f32 {
        // 24 bits fit a float's mantissa exactly.
        ((self.next() >> 40) as u32 as f32) / 16_777_216.0
    }

    /// True with probability `p`.
    #[inline]
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        p >= 1.0 || self.unit() < p
    }
}

/// Maps the high half of `random` evenly to `0..n`.
#[inline]
pub(crate) fn scale(random: u64, n: u32) -> u32 {
    (((random >> 32) * u64::from(n)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_dice() {
        let (a, b) = (Randomness::seeded(7), Randomness::seeded(7));
        for _ in 0..10 {
            assert_eq!(a.dice().next(), b.dice().next());
        }
    }

    #[test]
    fn numbers_below_n_are_even() {
        for source in [Randomness::seeded(1), Randomness::per_thread()] {
            let mut seen = [0_u32; 7];
            for _ in 0..70_000 {
                seen[source.dice().below(7) as usize] += 1;
            }
            assert!(seen.iter().all(|n| (9_400..10_600).contains(n)), "{seen:?}");
        }
    }
}
