//! What a refusal is explained by.

use std::time::Duration;

use rzero_core::Priority;

use super::{Reason, SignalState};

/// All inputs of the decision, and the limit that follows from them, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Whether shedding is on.
    pub enabled: bool,
    /// Smoothed CPU use, per mille; `None` while it cannot be read.
    pub cpu: Option<u32>,
    /// The memory level, 0 to 3.
    pub memory_level: u8,
    /// Exhausted pools.
    pub pools_exhausted: u32,
    /// What nine of ten admitted calls of the window waited at most, to the next bin of the
    /// histogram (19 to 25 % apart); zero without data.
    pub queue_wait_p90: Duration,
    /// Unary calls in flight.
    pub inflight: usize,
    /// Streams that are open.
    pub streams: usize,
    /// Average of unary calls in flight.
    pub avg_inflight: f64,
    /// Most calls that ended in one bucket of 100 ms; at least 1.
    pub max_pass: u32,
    /// Smallest mean response time of a bucket, to fractions of a µs; 1 s without data.
    pub min_rt: Duration,
    /// What is left of the limit at this CPU use, for ordinary calls.
    pub factor: f64,
    /// Calls in flight above which ordinary calls are shed during an overload.
    pub limit: f64,
    /// The signal by which the server is overloaded for ordinary calls, if any.
    pub overload: Option<Reason>,
    /// Which signals can be read.
    pub signals: SignalStates,
    pub(super) shed: [[u64; 3]; 5],
}

/// Which signals can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the reasons")]
pub struct SignalStates {
    pub cpu: SignalState,
    pub memory: SignalState,
    pub queue: SignalState,
    pub pool: SignalState,
}

impl Snapshot {
    /// Calls that were shed for this reason, since the start.
    #[must_use]
    pub fn shed(&self, reason: Reason, priority: Priority) -> u64 {
        self.shed[reason as usize][priority as usize]
    }

    /// Calls that were shed, since the start.
    #[must_use]
    pub fn shed_total(&self) -> u64 {
        self.shed.iter().flatten().sum()
    }
}
