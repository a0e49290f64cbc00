//! Instants as numbers, so that a time fits in one atomic word.

use std::time::Duration;

use tokio::time::Instant;

/// The instant that a limiter counts nanoseconds from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch(Instant);

impl Epoch {
    pub(super) fn at(now: Instant) -> Self {
        Self(now)
    }

    /// Nanoseconds since the epoch; 0 before it. Enough for 584 years.
    pub(super) fn nanos(self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.0))
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
