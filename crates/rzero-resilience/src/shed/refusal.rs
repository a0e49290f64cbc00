//! The answer to a call that is shed.

use std::time::Duration;

use rzero_core::{Class, Error};

/// Why a call was shed: the label `reason` of `rz_shed_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// CPU use is at its threshold.
    Cpu,
    /// The memory level is 3.
    Memory,
    /// Calls wait too long before they are admitted.
    Queue,
    /// A pool is exhausted.
    Pool,
    /// No signal any more, but less than a second ago there was one, calls were shed, and there
    /// are still too many in flight.
    Inflight,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Cpu,
        Self::Memory,
        Self::Queue,
        Self::Pool,
        Self::Inflight,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Queue => "queue",
            Self::Pool => "pool",
            Self::Inflight => "inflight",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Cpu => "the server is overloaded: cpu",
            Self::Memory => "the server is overloaded: memory",
            Self::Queue => "the server is overloaded: queue",
            Self::Pool => "the server is overloaded: pool",
            Self::Inflight => "the server is overloaded: inflight",
        }
    }
}

/// The refusal number `nth`: class Overloaded, to be tried again after 1 to 2 s. Multiples of the
/// golden ratio spread those times evenly, however few or many they are, without a random number.
/// The hint costs the one allocation of a refusal: a fixed error cannot carry it.
#[cold]
pub(super) fn refusal(reason: Reason, nth: u64) -> Error {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let jitter = ((nth.wrapping_mul(GOLDEN) >> 32) * 1000) >> 32;
    Error::new(Class::Overloaded, reason.message())
        .with_retry_after(Duration::from_millis(1000 + jitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_spread_over_one_to_two_seconds() {
        let mut tenths = [0; 10];
        for nth in 0..1000 {
            let error = refusal(Reason::Queue, nth);
            assert_eq!(error.reason(), "OVERLOADED");
            let hint = error.retry_after().unwrap().as_millis() as usize;
            assert!((1000..2000).contains(&hint), "{hint}");
            tenths[(hint - 1000) / 100] += 1;
        }
        assert!(tenths.iter().all(|n| (95..=105).contains(n)), "{tenths:?}");
    }
}
