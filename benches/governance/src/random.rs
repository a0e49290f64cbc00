//! Repeatable dice for arrivals and latencies.

/// A generator after Marsaglia's xorshift (2003), with a multiplication at the end.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Drawn from the exponential distribution with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        -(1.0 - share).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn mean_of_the_exponential_is_one() {
        let mut random = Random::seeded(7);
        let sum: f64 = (0..100_000).map(|_| random.exponential()).sum();
        assert!((sum / 100_000.0 - 1.0).abs() < 0.02, "{sum}");
    }
}
