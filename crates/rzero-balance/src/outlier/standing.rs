//! Where a node stands.

use tokio::time::Instant;

use crate::NodeStats;
use crate::stats::{Counts, Totals};

/// Where a node stands with [`Outliers`](super::Outliers): in, out until a time, or being probed.
/// Kept by the owner beside the node's [`NodeStats`], for as long as the node is known.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub(super) state: State,
    /// Ejections that still count: each makes the next one longer.
    pub(super) times: u32,
    /// Number of the interval that is being counted.
    interval: u64,
    /// Totals at its begin.
    begun: Totals,
    /// The last interval ended with a share of failures that would have been a reason.
    pub(super) suspect: bool,
    /// It was not in for the whole interval.
    spoilt: bool,
    /// Ejection is suspended: it takes calls whatever its state.
    pub(super) suspended: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    In,
    Out {
        until: Instant,
    },
    /// A probe was asked for; without a verdict it is asked for again then.
    Probing {
        again: Instant,
    },
}

impl Standing {
    /// Where a node stands that was just seen: in.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the node belongs into the snapshot: it is in, or ejection is suspended.
    #[must_use]
    pub fn takes_calls(&self) -> bool {
        self.suspended || self.state == State::In
    }

    /// Whether it is ejected and was not yet let in again, be ejection suspended or not.
    #[must_use]
    pub fn is_ejected(&self) -> bool {
        self.state != State::In
    }

    /// When its ejection is over; `None` when it is in or being probed.
    #[must_use]
    pub fn ejected_until(&self) -> Option<Instant> {
        match self.state {
            State::Out { until } => Some(until),
            State::In | State::Probing { .. } => None,
        }
    }

    /// Ejections that still count; falls by one in each interval without a reason.
    #[must_use]
    pub fn ejections(&self) -> u32 {
        self.times
    }

    /// What was counted in the interval so far.
    pub(super) fn counts(&self, stats: &NodeStats) -> Counts {
        stats.totals().since(self.begun)
    }

    /// Whether `interval` is another one than that which is being counted.
    pub(super) fn is_over(&self, interval: u64) -> bool {
        self.interval != interval
    }

    pub(super) fn eject(&mut self, until: Instant) {
        self.state = State::Out { until };
        self.times = self.times.saturating_add(1);
        self.spoilt = true;
    }

    pub(super) fn admit(&mut self, stats: &NodeStats, now: Instant) {
        stats.recover(now);
        self.state = State::In;
        self.begun = stats.totals();
        self.suspect = false;
        self.spoilt = true;
    }

    /// Ends the interval; `interval` is the number of the next one. A clean one takes an ejection
    /// off the count, and so do intervals that nobody looked at meanwhile.
    pub(super) fn turn(&mut self, stats: &NodeStats, interval: u64) {
        if !self.spoilt && self.state == State::In {
            let passed = interval.saturating_sub(self.interval);
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            self.times = self.times.saturating_sub(passed);
        }
        self.interval = interval;
        self.begun = stats.totals();
        self.spoilt = self.state != State::In;
    }
}
