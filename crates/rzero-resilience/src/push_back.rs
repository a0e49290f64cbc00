//! How long a caller that was refused stays away.

use std::time::Duration;

/// The pause that refusal number `nth` of an overloaded server asks for, 1 to 2 s. Multiples of the
/// golden ratio spread those times evenly, however few or many they are, without a random number.
pub(crate) fn push_back(nth: u64) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let jitter = ((nth.wrapping_mul(GOLDEN) >> 32) * 1000) >> 32;
    Duration::from_millis(1000 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_spread_over_one_to_two_seconds() {
        let mut tenths = [0; 10];
        for nth in 0..1000 {
            let pause = push_back(nth).as_millis();
            assert!((1000..2000).contains(&pause), "{pause}");
            tenths[usize::try_from((pause - 1000) / 100).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|n| (95..=105).contains(n)), "{tenths:?}");
    }
}
