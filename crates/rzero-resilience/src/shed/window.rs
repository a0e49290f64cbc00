//! What the last five seconds have shown: passes, response times and queue waits in buckets of
//! 100 ms.
//!
//! Calls add to the bucket of the moment and read what the others come to; whoever is first in a new bucket
//! computes that anew from the finished ones. Nobody waits for anybody: while one thread turns
//! the window, the others go on with the old bucket.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};

use super::formula;
use super::waits::{self, BINS};

/// Length of a bucket in ns.
const BUCKET: u64 = 100_000_000;
/// Finished buckets that count.
const BUCKETS: u64 = 50;
/// Buckets in the ring: the window, the current one, and slack for a thread that was held up
/// between finding its bucket and adding to it.
const RING: u64 = 64;
/// Bits of [`Slot::passes`] that count; 16 million calls in 100 ms.
const COUNT_BITS: u32 = 24;
/// Finished buckets whose refusals tell whether too much is asked for: half a second.
const DEMAND_BUCKETS: u64 = 5;
/// More than one call in this many is many,
const MANY_SHARE: u64 = 5;
/// but fewer than this many never are.
const MANY_MIN: u64 = 5;
/// Longest response time that is taken, in µs, so that the sum of a bucket cannot overflow.
const RT_MAX: u64 = 60_000_000;

struct Slot {
    /// Sum of response times in µs, and below it their number: one addition keeps both in step.
    passes: AtomicU64,
    /// Waits longer than allowed.
    over: AtomicU32,
    /// Calls that were refused, and those of them that had waited.
    refused: AtomicU32,
    refused_late: AtomicU32,
    /// Waits by length.
    waits: [AtomicU32; BINS],
}

impl Slot {
    fn new() -> Self {
        Self {
            passes: AtomicU64::new(0),
            over: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            refused_late: AtomicU32::new(0),
            waits: [const { AtomicU32::new(0) }; BINS],
        }
    }

    fn clear(&self) {
        self.passes.store(0, Relaxed);
        self.over.store(0, Relaxed);
        self.refused.store(0, Relaxed);
        self.refused_late.store(0, Relaxed);
        for bin in &self.waits {
            bin.store(0, Relaxed);
        }
    }
}

/// The window and what follows from it. Times are ns since the owner's origin.
pub(super) struct Window {
    /// Number of the current bucket.
    current: AtomicU64,
    /// Held by the one thread that turns to a new bucket.
    turning: AtomicBool,
    /// Bits of the limit, an `f64`.
    limit: AtomicU64,
    /// Bits of the best mean response time in µs, an `f64`.
    min_rt: AtomicU64,
    max_pass: AtomicU32,
    waits_too_long: AtomicBool,
    refuses_many_late: AtomicBool,
    refuses_many: AtomicBool,
    wait_p90: AtomicU64,
    slots: Box<[Slot]>,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("limit", &self.limit())
            .finish_non_exhaustive()
    }
}

impl Window {
    pub(super) fn new() -> Self {
        let min_rt = formula::MIN_RT_WITHOUT_DATA;
        Self {
            current: AtomicU64::new(0),
            turning: AtomicBool::new(false),
            limit: AtomicU64::new(formula::limit(1, min_rt).to_bits()),
            min_rt: AtomicU64::new(min_rt.to_bits()),
            max_pass: AtomicU32::new(1),
            waits_too_long: AtomicBool::new(false),
            refuses_many_late: AtomicBool::new(false),
            refuses_many: AtomicBool::new(false),
            wait_p90: AtomicU64::new(0),
            slots: (0..RING).map(|_| Slot::new()).collect(),
        }
    }

    /// Calls that the server can usefully have in flight.
    pub(super) fn limit(&self) -> f64 {
        f64::from_bits(self.limit.load(Relaxed))
    }

    /// How many calls stand before admission when one of them has waited for `wait` ns: as many
    /// as pass in that time. A wait of one response time does not count: that much of a queue
    /// keeps workers busy.
    pub(super) fn backlog(&self, wait: u64) -> f64 {
        let beyond = wait as f64 / 1000.0 - self.min_rt_us();
        formula::passing(self.max_pass(), beyond.max(0.0))
    }

    /// Most calls that passed in one bucket; at least 1.
    pub(super) fn max_pass(&self) -> u32 {
        self.max_pass.load(Relaxed)
    }

    /// Smallest mean response time of a bucket, in µs.
    pub(super) fn min_rt_us(&self) -> f64 {
        f64::from_bits(self.min_rt.load(Relaxed))
    }

    /// Whether more than one in ten waited longer than allowed.
    pub(super) fn waits_too_long(&self) -> bool {
        self.waits_too_long.load(Relaxed)
    }

    /// Whether more than one in five of the last half second was refused.
    pub(super) fn refuses_many(&self) -> bool {
        self.refuses_many.load(Relaxed)
    }

    /// Whether that many were refused after they had waited for longer than a response time.
    pub(super) fn refuses_many_late(&self) -> bool {
        self.refuses_many_late.load(Relaxed)
    }

    /// About what nine of ten waited at most, in µs; 0 without data.
    pub(super) fn wait_p90_us(&self) -> u64 {
        self.wait_p90.load(Relaxed)
    }

    /// A call that was worked on ended after `rt` ns.
    pub(super) fn passed(&self, rt: u64) {
        let us = ((rt + 500) / 1000).min(RT_MAX);
        self.slot(self.current.load(Acquire))
            .passes
            .fetch_add((us << COUNT_BITS) | 1, Relaxed);
    }

    /// A call was admitted that had waited for `wait` ns, longer than allowed when `over`.
    pub(super) fn waited(&self, wait: u64, over: bool) {
        let slot = self.slot(self.current.load(Acquire));
        slot.waits[waits::bin(wait / 1000)].fetch_add(1, Relaxed);
        if over {
            slot.over.fetch_add(1, Relaxed);
        }
    }

    /// A call was refused, `late` when it had waited for longer than a response time.
    pub(super) fn refused(&self, late: bool) {
        let slot = self.slot(self.current.load(Acquire));
        slot.refused.fetch_add(1, Relaxed);
        if late {
            slot.refused_late.fetch_add(1, Relaxed);
        }
    }

    /// Moves on to the bucket of `at` when that is a new one and nobody else is about it. Says
    /// whether it did.
    pub(super) fn turn(&self, at: u64) -> bool {
        let bucket = at / BUCKET;
        bucket > self.current.load(Relaxed) && self.turn_to(bucket)
    }

    #[cold]
    fn turn_to(&self, bucket: u64) -> bool {
        if self.turning.swap(true, Acquire) {
            return false;
        }
        let current = self.current.load(Relaxed);
        let moved = bucket > current;
        if moved {
            // Emptied before anybody can find them; a gap longer than the ring empties it all.
            let stale = (bucket - current).min(RING);
            for emptied in bucket + 1 - stale..=bucket {
                self.slot(emptied).clear();
            }
            self.conclude(bucket);
            self.current.store(bucket, Release);
        }
        self.turning.store(false, Release);
        moved
    }

    /// Computes what follows from the finished buckets before `bucket`.
    fn conclude(&self, bucket: u64) {
        let before = |buckets| (bucket.saturating_sub(buckets)..bucket).map(|n| self.slot(n));
        self.conclude_passes(before(BUCKETS));
        self.conclude_waits(before(BUCKETS));
        self.conclude_refusals(before(DEMAND_BUCKETS));
    }

    fn conclude_passes<'s>(&self, slots: impl Iterator<Item = &'s Slot>) {
        let (mut max_pass, mut min_rt) = (0, f64::INFINITY);
        for slot in slots {
            let passes = slot.passes.load(Relaxed);
            let count = passes & ((1 << COUNT_BITS) - 1);
            if count > 0 {
                max_pass = max_pass.max(count);
                min_rt = min_rt.min((passes >> COUNT_BITS) as f64 / count as f64);
            }
        }
        if max_pass == 0 {
            min_rt = formula::MIN_RT_WITHOUT_DATA;
        }
        let max_pass = u32::try_from(max_pass.max(1)).unwrap_or(u32::MAX);
        self.max_pass.store(max_pass, Relaxed);
        self.min_rt.store(min_rt.to_bits(), Relaxed);
        let limit = formula::limit(max_pass, min_rt);
        self.limit.store(limit.to_bits(), Relaxed);
    }

    fn conclude_waits<'s>(&self, slots: impl Iterator<Item = &'s Slot>) {
        let (mut over, mut bins) = (0_u64, [0_u64; BINS]);
        for slot in slots {
            over += u64::from(slot.over.load(Relaxed));
            for (sum, bin) in bins.iter_mut().zip(&slot.waits) {
                *sum += u64::from(bin.load(Relaxed));
            }
        }
        let waits: u64 = bins.iter().sum();
        self.waits_too_long.store(over * 10 > waits, Relaxed);
        let p90 = waits::p90(&bins).unwrap_or_default();
        self.wait_p90.store(p90, Relaxed);
    }

    fn conclude_refusals<'s>(&self, slots: impl Iterator<Item = &'s Slot>) {
        let (mut admitted, mut refused, mut late) = (0_u64, 0_u64, 0_u64);
        for slot in slots {
            let waits = slot.waits.iter().map(|bin| u64::from(bin.load(Relaxed)));
            admitted += waits.sum::<u64>();
            refused += u64::from(slot.refused.load(Relaxed));
            late += u64::from(slot.refused_late.load(Relaxed));
        }
        let many = |n: u64| n >= MANY_MIN && n * MANY_SHARE > admitted + refused;
        self.refuses_many.store(many(refused), Relaxed);
        self.refuses_many_late.store(many(late), Relaxed);
    }

    fn slot(&self, bucket: u64) -> &Slot {
        let index = usize::try_from(bucket % RING).expect("an index below 64 fits");
        &self.slots[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn current_bucket_is_ignored() {
        let window = Window::new();
        window.passed(3_500_000);
        assert!(!window.turn(99 * MS));
        assert_eq!((window.max_pass(), window.limit()), (1, 10.0));
        assert!(window.turn(100 * MS));
        assert_eq!((window.max_pass(), window.min_rt_us()), (1, 3_500.0));
    }

    #[test]
    fn means_are_not_rounded() {
        let window = Window::new();
        for rt in [120_000, 121_000] {
            window.passed(rt);
        }
        window.turn(100 * MS);
        assert_eq!(window.min_rt_us(), 120.5);
    }

    #[test]
    fn best_bucket_counts_for_five_seconds() {
        let window = Window::new();
        (0..200).for_each(|_| window.passed(3_500_000));
        window.turn(100 * MS);
        (0..20).for_each(|_| window.passed(9_000_000));
        window.turn(5_000 * MS);
        assert_eq!(window.limit(), 7.0);
        window.turn(5_100 * MS);
        assert_eq!((window.max_pass(), window.min_rt_us()), (20, 9_000.0));
        window.turn(5_200 * MS);
        assert_eq!(window.limit(), 10.0);
    }

    #[test]
    fn long_gap_leaves_nothing() {
        let window = Window::new();
        (0..200).for_each(|_| window.passed(3_500_000));
        (0..200).for_each(|_| window.waited(200 * MS, true));
        // The same place in the ring, one round later.
        window.turn(RING * 100 * MS);
        assert_eq!((window.max_pass(), window.limit()), (1, 10.0));
        assert!(!window.waits_too_long());
    }

    #[test]
    fn late_clock_turns_nothing_back() {
        let window = Window::new();
        assert!(window.turn(900 * MS));
        assert!(!window.turn(300 * MS));
        window.passed(MS);
        assert!(window.turn(1_000 * MS));
        assert_eq!(window.min_rt_us(), 1_000.0);
    }

    #[test]
    fn one_in_five_refused_is_not_many() {
        let window = Window::new();
        (0..40).for_each(|_| window.waited(MS, false));
        (0..10).for_each(|_| window.refused(true));
        window.turn(100 * MS);
        assert!(!window.refuses_many() && !window.refuses_many_late());
        window.refused(false);
        window.turn(200 * MS);
        assert!(window.refuses_many() && !window.refuses_many_late());
        window.turn(700 * MS);
        assert!(!window.refuses_many(), "it is half a second ago");
        (0..4).for_each(|_| window.refused(true));
        window.turn(800 * MS);
        assert!(!window.refuses_many_late(), "four are too few to tell");
    }

    #[test]
    fn one_in_ten_over_is_still_allowed() {
        let window = Window::new();
        (0..90).for_each(|_| window.waited(MS, false));
        (0..10).for_each(|_| window.waited(101 * MS, true));
        window.turn(100 * MS);
        assert!(!window.waits_too_long());
        window.waited(101 * MS, true);
        window.turn(200 * MS);
        assert!(window.waits_too_long());
        assert!(window.wait_p90_us() > 100_000, "{}", window.wait_p90_us());
    }
}
