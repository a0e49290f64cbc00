//! What a client knows about one node: how fast it answers, how busy it is, whether it fails.

use std::fmt;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::time::Duration;

use rzero_core::{Class, Error, Outcome, RetrySafety};
use tokio::time::Instant;

use crate::verdict::Verdict;

mod failures;
#[cfg(test)]
mod tests;

pub use failures::Streak;
use failures::{Failures, Tally};
pub(crate) use failures::{STREAK_MAX, TIMEOUTS_MAX};

/// How slowly the latency estimate forgets: after this time a peak weighs 1/e.
const DECAY_SECONDS: f32 = 10.0;
/// Ticks of the latency stamp in a second.
const TICKS: u64 = 10_000;
/// One call begun, in the word that also holds the calls in flight.
const BEGUN: u64 = 1 << 24;
/// How exactly the time of the last pick is kept.
const PICK_GRAIN: Duration = Duration::from_millis(10);
/// Longest push-back that is believed.
const PUSH_BACK_MAX: Duration = Duration::from_secs(60);
/// How much a node that only fails is made to look slower: 1 + this.
const FAILURE_COST: f32 = 64.0;

/// The statistics of one node: one cache line of atomics for picks and calls (and a cold one) behind
/// an `Arc`, shared by all pickers that know the node. The owner keeps them by instance id for as long as the node is known, so
/// that they survive discovery updates.
///
/// ```
/// # use rzero_balance::NodeStats; use rzero_core::Outcome; use std::time::Duration;
/// # use tokio::time::Instant;
/// let t0 = Instant::now();
/// let stats = NodeStats::new(t0);
/// let started = stats.begin(t0);
/// stats.finish(started, Outcome::OK, t0 + Duration::from_millis(3));
/// assert_eq!(stats.ewma_us(), 3_000);
/// ```
// In this order, so that all but the last field share a line.
#[repr(C, align(64))]
pub struct NodeStats {
    born: Instant,
    /// Peak EWMA in µs (bits of a float, 0 = no sample yet) above the stamp of its last change in
    /// ticks since `born`: one word, so that both change together. The stamp wraps after 119 h:
    /// a node that had no answer for over half of that waits for a slower answer, or for the
    /// next half, before the estimate moves.
    latency: AtomicU64,
    /// µs since `born`.
    picked_at: AtomicU64,
    /// µs since `born`; 0 = none.
    pushed_until: AtomicU64,
    /// Calls in flight in the low 24 bits, calls begun above: a call begins with one addition.
    calls: AtomicU64,
    failures: Failures,
    /// µs since `born` of the last recovery: slow start counts from here.
    recovered: AtomicU64,
}

/// Totals at a moment; only differences mean something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    finished: u64,
    tally: Tally,
}

/// Calls between two moments of which the node's part is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    /// Of these, failures that count against the node.
    pub(crate) failed: u64,
    /// Of these, answers that the method is missing.
    pub(crate) missing: u64,
}

impl Totals {
    /// What was counted since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Counts {
        let failed = u64::from(self.tally.failed.wrapping_sub(earlier.tally.failed));
        let missing = u64::from(self.tally.missing.wrapping_sub(earlier.tally.missing));
        let silent = u64::from(self.tally.silent.wrapping_sub(earlier.tally.silent));
        // The number of calls begun has 40 bits.
        let finished = self.finished.wrapping_sub(earlier.finished) % (u64::MAX / BEGUN + 1);
        Counts {
            // The parts are read one after another: a call may be in one and not yet in the sum.
            calls: finished.saturating_sub(silent).max(failed + missing),
            failed,
            missing,
        }
    }
}

/// A call that was begun on a node and has to be given back to the same [`NodeStats`], exactly
/// once, by [`finish`](NodeStats::finish) or [`abandon`](NodeStats::abandon).
#[derive(Debug)]
#[must_use = "an unfinished call counts as in flight for ever: finish or abandon it"]
pub struct Started(Instant);

impl Started {
    /// When the call began.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.0
    }
}

impl NodeStats {
    /// The statistics of a node first seen at `now`. Its slow start begins here.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            born: now,
            latency: AtomicU64::new(0),
            picked_at: AtomicU64::new(0),
            pushed_until: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            failures: Failures::new(),
            recovered: AtomicU64::new(0),
        }
    }

    /// A call begins: one more in flight.
    pub fn begin(&self, now: Instant) -> Started {
        self.calls.fetch_add(BEGUN | 1, AcqRel);
        Started(now)
    }

    /// A call ended with `outcome` at `now`: one less in flight.
    ///
    /// An answer moves the latency estimate: up at once when it was slower, down with a decay of
    /// 10 s when it was faster. A failure, or a refusal before anything ran, moves it only up, so
    /// that a node is not attractive for failing fast. Failures that count for a breaker raise the
    /// node's share of failures, everything but a cancellation else lowers it. Of a cancelled call
    /// nothing is known: it counts as [`abandon`](Self::abandon).
    ///
    /// Gives how many failures that count for [ejection](crate::Outliers) the node has now given
    /// in a row; none when this was none. Ask
    /// [`OutlierConfig::wants_look`](crate::OutlierConfig::wants_look) whether that is worth a look
    /// at once.
    pub fn finish(&self, started: Started, outcome: Outcome, now: Instant) -> Streak {
        if outcome == Outcome::CANCELLED {
            self.abandon(started);
            return Streak::default();
        }
        let latency = now.saturating_duration_since(started.0);
        let ran = outcome
            .class()
            .is_none_or(|class| class.retry_safety() != RetrySafety::NothingRan);
        self.observe(latency, outcome.is_ok() && ran, now);
        let streak = (self.failures).count(outcome.counts_for_breaker(), Verdict::of(outcome));
        self.calls.fetch_sub(1, AcqRel);
        streak
    }

    /// A stream ended with `outcome`: one less in flight. Counts its failure as
    /// [`finish`](Self::finish) does and leaves the latency estimate alone: how long a stream takes
    /// says nothing about the speed of its node.
    pub fn finish_stream(&self, started: Started, outcome: Outcome) -> Streak {
        if outcome == Outcome::CANCELLED {
            self.abandon(started);
            return Streak::default();
        }
        let streak = (self.failures).count(outcome.counts_for_breaker(), Verdict::of(outcome));
        self.calls.fetch_sub(1, AcqRel);
        streak
    }

    /// A call was dropped, or never sent: one less in flight, nothing else.
    pub fn abandon(&self, started: Started) {
        let Started(_) = started;
        self.failures.skip();
        self.calls.fetch_sub(1, AcqRel);
    }

    /// Obeys what an answer says about load: a node that answered
    /// [`Overloaded`](Class::Overloaded) with a retry hint is [penalized](Self::penalize) for that
    /// time. Other errors change nothing. To be called beside [`finish`](Self::finish), which does
    /// not see the error itself.
    pub fn heed(&self, error: &Error, now: Instant) {
        if let (Class::Overloaded, Some(pause)) = (error.class(), error.retry_after()) {
            self.penalize(pause, now);
        }
    }

    /// The node is back after it was away or ejected: what was known about its speed and its
    /// failures is void, and its slow start begins at `now`. The next snapshot gives it the
    /// median latency of its peers.
    pub fn recover(&self, now: Instant) {
        self.failures.forget();
        self.latency.store(0, Release);
        self.recovered.store(self.micros(now), Relaxed);
    }

    /// The node asked for a pause, or is known to be bad for a while: until `now + pause` it is
    /// picked only when the other drawn nodes are in the same state. At most 60 s are believed; a
    /// shorter pause does not end a longer one.
    pub fn penalize(&self, pause: Duration, now: Instant) {
        let until = self.micros(now + pause.min(PUSH_BACK_MAX));
        self.pushed_until.fetch_max(until.max(1), Release);
    }

    /// Calls in flight; at most 2^24 - 1 fit.
    #[must_use]
    #[inline]
    pub fn in_flight(&self) -> u32 {
        (self.calls.load(Acquire) & (BEGUN - 1)) as u32
    }

    /// Peak EWMA of latency in µs, rounded; 0 before the first sample.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and the cast saturates"
    )]
    pub fn ewma_us(&self) -> u64 {
        self.latency_us().round() as u64
    }

    /// How many calls were begun on it. Wraps at 2^40, after two weeks of a million a second.
    #[must_use]
    pub fn picks(&self) -> u64 {
        self.calls.load(Relaxed) / BEGUN
    }

    /// Share of failures among about the last eight completed calls, 0.0 to 1.0.
    #[must_use]
    pub fn failure_share(&self) -> f32 {
        self.failures.recent().share()
    }

    /// Failures that count for ejection, in a row.
    #[must_use]
    pub fn streak(&self) -> Streak {
        self.failures.recent().streak
    }

    /// When the node was first seen.
    #[must_use]
    #[inline]
    pub fn born(&self) -> Instant {
        self.born
    }

    /// When its slow start began: when it was first seen, or when it last recovered.
    #[must_use]
    pub fn warm_since(&self) -> Instant {
        self.born + Duration::from_micros(self.recovered.load(Relaxed))
    }

    /// Gives a node without a sample the estimate of its peers.
    pub(crate) fn seed(&self, latency_us: f32, now: Instant) {
        // Fails when a sample came meanwhile, which is better anyway.
        let estimate = pack(latency_us, self.stamp(now));
        let _ = self.latency.compare_exchange(0, estimate, AcqRel, Relaxed);
    }

    /// Forgets failures in a row and their share.
    pub(crate) fn forgive(&self) {
        self.failures.forget();
    }

    pub(crate) fn totals(&self) -> Totals {
        let calls = self.calls.load(Acquire);
        Totals {
            finished: (calls / BEGUN).wrapping_sub(calls % BEGUN),
            tally: self.failures.tally(),
        }
    }

    /// The estimate; 0.0 before the first sample.
    #[inline]
    pub(crate) fn latency_us(&self) -> f32 {
        unpack(self.latency.load(Relaxed)).0
    }

    /// What failures make of a load: 1 for a node without, 2 after one, 65 when all calls fail.
    #[inline]
    pub(crate) fn failure_factor(&self) -> f32 {
        let share = self.failure_share();
        1.0 + FAILURE_COST * share * share
    }

    /// Whether it mostly answers and did not ask for a pause.
    #[inline]
    pub(crate) fn is_healthy(&self, now: Instant) -> bool {
        !self.failures.recent().is_unhealthy() && !self.is_pushed_back(now)
    }

    /// Whether the node asked for a [pause](Self::penalize) that is not over.
    #[must_use]
    #[inline]
    pub fn is_pushed_back(&self, now: Instant) -> bool {
        let until = self.pushed_until.load(Acquire);
        until != 0 && self.micros(now) < until
    }

    /// Notes that a picker chose it, to 10 ms: a busy node's cache line is not written by picks.
    #[inline]
    pub(crate) fn note_pick(&self, now: Instant) {
        let now = self.micros(now);
        if now.saturating_sub(self.picked_at.load(Relaxed)) >= micros(PICK_GRAIN) {
            self.picked_at.store(now, Relaxed);
        }
    }

    /// Takes the right to force a pick of a node that was not picked for `span`: of several
    /// threads at once, one gets it.
    #[inline]
    pub(crate) fn claim_if_unpicked(&self, span: Duration, now: Instant) -> bool {
        let (at, now) = (self.picked_at.load(Relaxed), self.micros(now));
        now.saturating_sub(at) >= micros(span)
            && (self.picked_at)
                .compare_exchange(at, now, Relaxed, Relaxed)
                .is_ok()
    }

    fn observe(&self, latency: Duration, may_fall: bool, now: Instant) {
        // At least 1 µs: 0 stands for "no sample".
        let sample = (latency.as_secs_f32() * 1e6).max(1.0);
        let stamp = self.stamp(now);
        // `Err` means that the sample changes nothing; the stamp then stays, so that the next
        // sample weighs the whole time since the last change.
        let _ = self.latency.fetch_update(AcqRel, Relaxed, |word| {
            let (old, at) = unpack(word);
            let new = if old == 0.0 || sample > old {
                sample
            } else if may_fall {
                let ticks = elapsed(at, stamp);
                let keep = (-(ticks as f32 / TICKS as f32) / DECAY_SECONDS).exp();
                sample + (old - sample) * keep
            } else {
                old
            };
            (new != old).then_some(pack(new, stamp))
        });
    }

    #[expect(clippy::cast_possible_truncation, reason = "the stamp wraps by design")]
    fn stamp(&self, now: Instant) -> u32 {
        (self.micros(now) / (1_000_000 / TICKS)) as u32
    }

    #[inline]
    fn micros(&self, now: Instant) -> u64 {
        micros(now.saturating_duration_since(self.born))
    }
}

impl fmt::Debug for NodeStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeStats")
            .field("in_flight", &self.in_flight())
            .field("ewma_us", &self.ewma_us())
            .field("failure_share", &self.failure_share())
            .field("picks", &self.picks())
            .finish_non_exhaustive()
    }
}

/// Ticks from one wrapping stamp to another; 0 when two threads came in the wrong order.
fn elapsed(from: u32, to: u32) -> u32 {
    let ticks = to.wrapping_sub(from);
    if ticks > u32::MAX / 2 { 0 } else { ticks }
}

/// Whole µs; enough for 584,000 years.
#[inline]
pub(crate) fn micros(span: Duration) -> u64 {
    span.as_secs() * 1_000_000 + u64::from(span.subsec_micros())
}

#[inline]
fn pack(latency_us: f32, stamp: u32) -> u64 {
    (u64::from(latency_us.to_bits()) << 32) | u64::from(stamp)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "takes the halves apart")]
fn unpack(word: u64) -> (f32, u32) {
    (f32::from_bits((word >> 32) as u32), word as u32)
}
