//! How long calls take: median and 95th percentile over a rolling window.
//!
//! A histogram of fixed buckets, 16 for each doubling of the time; a percentile is interpolated
//! within its bucket, which is at most 6.3 % wide. The window rolls in two halves: what is read covers the running half and the whole one
//! before it. Recording is one addition; the summary is read anew at most once in a hundredth of the
//! window.

use std::fmt;
use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::time::Duration;

use tokio::time::Instant;

/// Buckets for each doubling, as a power of two.
const STEPS_BITS: u32 = 4;
const STEPS: u64 = 1 << STEPS_BITS;
/// Times of 2^26 µs (67 s) and more share the last bucket.
const LONGEST_BITS: u32 = 26;
const BUCKETS: usize = ((LONGEST_BITS - STEPS_BITS + 1) as usize) << STEPS_BITS;
/// The halves that are read, and one to be cleared meanwhile.
const HALVES: usize = 3;
/// Epoch of a half that is being cleared.
const CLEARING: u64 = u64::MAX;

/// The default window: 10 s.
pub const WINDOW: Duration = Duration::from_secs(10);

/// How long the calls of a target or method took lately: no lock, no allocation, no clock; 4.4 KiB.
///
/// A statistic, not a ledger: a record may be lost in the moment in which the window rolls.
pub struct Latency {
    origin: Instant,
    half_nanos: u64,
    halves: [Half; HALVES],
    /// When the summary was read, in hundredths of the window and one more; 0 is never.
    tick: AtomicU64,
    /// The summary: calls, then the percentiles in microseconds.
    calls: AtomicU64,
    p50: AtomicU64,
    p95: AtomicU64,
}

/// What is known about the calls of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there were.
    pub calls: u64,
    /// Their median; 0 without calls.
    pub p50: Duration,
    /// Their 95th percentile; 0 without calls.
    pub p95: Duration,
}

/// One half of the window.
struct Half {
    /// Which half of all time it holds, counted from 1; 0 before its first use.
    epoch: AtomicU64,
    buckets: [AtomicU32; BUCKETS],
}

impl Latency {
    /// Nothing is known. `window` is at least 100 ms; [`WINDOW`] is the default elsewhere.
    #[must_use]
    pub fn new(window: Duration, now: Instant) -> Self {
        let window = window.max(Duration::from_millis(100));
        let half = || Half {
            epoch: AtomicU64::new(0),
            buckets: [const { AtomicU32::new(0) }; BUCKETS],
        };
        Self {
            origin: now,
            half_nanos: nanos(window) / 2,
            halves: [half(), half(), half()],
            tick: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            p50: AtomicU64::new(0),
            p95: AtomicU64::new(0),
        }
    }

    /// Counts a call that ended at `now` and took `time`.
    pub fn record(&self, time: Duration, now: Instant) {
        let epoch = self.epoch(now);
        let half = &self.halves[place(epoch)];
        let held = half.epoch.load(Acquire);
        if held != epoch && !half.begin(held, epoch) {
            return;
        }
        half.buckets[bucket(micros(time))].fetch_add(1, Relaxed);
    }

    /// What is known at `now`, up to a hundredth of the window old.
    #[must_use]
    pub fn summary(&self, now: Instant) -> Summary {
        let tick = self.age(now) / (self.half_nanos / 50).max(1) + 1;
        let seen = self.tick.load(Relaxed);
        let stale = tick > seen;
        // One thread reads anew; others use what is known.
        if stale
            && self
                .tick
                .compare_exchange(seen, tick, Relaxed, Relaxed)
                .is_ok()
        {
            let (sums, calls) = self.sums(now);
            let read = |q| quantile(&sums, calls, q).map_or(0, micros);
            self.calls.store(calls, Relaxed);
            self.p50.store(read(0.5), Relaxed);
            self.p95.store(read(0.95), Relaxed);
        }
        Summary {
            calls: self.calls.load(Relaxed),
            p50: Duration::from_micros(self.p50.load(Relaxed)),
            p95: Duration::from_micros(self.p95.load(Relaxed)),
        }
    }

    /// The time within which the share `q` (0 to 1) of calls ended, read anew: it walks the
    /// buckets. `None` without calls.
    #[must_use]
    pub fn quantile(&self, q: f64, now: Instant) -> Option<Duration> {
        let (sums, calls) = self.sums(now);
        quantile(&sums, calls, q)
    }

    /// The buckets of the window, and all their calls.
    fn sums(&self, now: Instant) -> ([u64; BUCKETS], u64) {
        let epoch = self.epoch(now);
        let (mut sums, mut all) = ([0; BUCKETS], 0);
        for wanted in [epoch, epoch - 1] {
            let half = &self.halves[place(wanted)];
            if wanted == 0 || half.epoch.load(Acquire) != wanted {
                continue;
            }
            for (sum, count) in sums.iter_mut().zip(&half.buckets) {
                let count = u64::from(count.load(Relaxed));
                *sum += count;
                all += count;
            }
        }
        (sums, all)
    }

    fn age(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.origin))
    }

    /// The half of all time that `now` is in, counted from 1.
    fn epoch(&self, now: Instant) -> u64 {
        self.age(now) / self.half_nanos + 1
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("calls", &self.calls)
            .field("p50_micros", &self.p50)
            .field("p95_micros", &self.p95)
            .finish_non_exhaustive()
    }
}

impl Half {
    /// Makes it the half `epoch`; `false` when another thread is about to, or when it is of a later
    /// time.
    fn begin(&self, held: u64, epoch: u64) -> bool {
        if held > epoch {
            return false;
        }
        if self
            .epoch
            .compare_exchange(held, CLEARING, Acquire, Relaxed)
            .is_err()
        {
            return false;
        }
        self.buckets
            .iter()
            .for_each(|count| count.store(0, Relaxed));
        self.epoch.store(epoch, Release);
        true
    }
}

fn quantile(sums: &[u64; BUCKETS], calls: u64, q: f64) -> Option<Duration> {
    let wanted = q.clamp(0.0, 1.0) * calls as f64;
    let mut below = 0;
    for (bucket, &count) in sums.iter().enumerate().filter(|(_, count)| **count > 0) {
        let part = (wanted - below as f64).max(0.0) / count as f64;
        if part <= 1.0 {
            let (low, width) = span(bucket);
            return Some(Duration::from_secs_f64(
                (low as f64 + width as f64 * part) / 1e6,
            ));
        }
        below += count;
    }
    None
}

fn place(epoch: u64) -> usize {
    // The remainder is below 3.
    usize::try_from(epoch % HALVES as u64).unwrap_or(0)
}

/// The bucket of a time in microseconds.
fn bucket(micros: u64) -> usize {
    let shift = micros.max(1).ilog2().saturating_sub(STEPS_BITS);
    // Below 16 µs there is a bucket for each; above, the 5 highest bits tell the bucket.
    let at = (u64::from(shift) << STEPS_BITS) + (micros >> shift);
    usize::try_from(at).map_or(BUCKETS - 1, |at| at.min(BUCKETS - 1))
}

/// Where a bucket begins and how wide it is, in microseconds.
fn span(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return (bucket, 1);
    }
    let shift = (bucket >> STEPS_BITS) - 1;
    ((bucket - (shift << STEPS_BITS)) << shift, 1 << shift)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_around_it() {
        for micros in (0..5000).chain((1..400).map(|n| n * 160_000)) {
            let (low, width) = span(bucket(micros));
            assert!(
                (low..low + width).contains(&micros),
                "{micros}: {low} + {width}"
            );
            assert!(width == 1 || width * 16 <= low);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket((1 << LONGEST_BITS) - 1), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_within_two_percent() {
        let start = Instant::now();
        let latency = Latency::new(WINDOW, start);
        for n in 1..=1000 {
            latency.record(Duration::from_micros(n * 37), start);
        }
        for (q, micros) in [(0.5, 18_500.0), (0.95, 35_150.0), (0.99, 36_630.0)] {
            let read = latency.quantile(q, start).unwrap().as_secs_f64() * 1e6;
            assert!((read / micros - 1.0).abs() < 0.02, "{q}: {read}");
        }
        assert_eq!(latency.summary(start).calls, 1000);
    }

    #[test]
    fn old_calls_leave_the_window() {
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        let latency = Latency::new(WINDOW, start);
        assert_eq!(latency.summary(start), Summary::default());
        latency.record(Duration::from_millis(100), at(1));
        assert!(latency.summary(at(5)).p50 > Duration::from_millis(90));
        latency.record(Duration::from_millis(1), at(6));
        assert_eq!(latency.summary(at(6)).calls, 2);
        let later = latency.summary(at(11));
        assert!(later.calls == 1 && later.p95 < Duration::from_millis(2));
        assert_eq!(latency.summary(at(40)), Summary::default());
        assert_eq!(latency.quantile(0.95, at(40)), None);
        // The third half of the ring is cleared and used again.
        latency.record(Duration::from_millis(1), at(41));
        assert_eq!(latency.summary(at(41)).calls, 1);
    }

    #[test]
    fn threads_record_without_loss_within_a_half() {
        let now = Instant::now();
        let latency = Latency::new(WINDOW, now);
        latency.record(Duration::from_millis(1), now);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| (0..1000).for_each(|_| latency.record(Duration::from_millis(1), now)));
            }
        });
        assert_eq!(latency.summary(now).calls, 4001);
    }
}
