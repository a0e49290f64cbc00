//! The counters of a breaker and the window over them.

use super::ring::{Counts, Ring, Runs, Shape};
use super::sync::{AtomicU32, AtomicU64, Line, Mutex, Ordering, lock, try_lock};

/// Counts what happened, and knows how much of it in the last window.
///
/// A call adds one to one counter. Counters only grow, so nothing is lost or counted twice, however
/// threads interleave; the window is what they grew by since its oldest bucket began. Whichever call
/// first sees that a bucket has ended begins the next one and publishes the new readings. Nobody
/// waits for it: until it is done, others judge by the previous window. What is inexact, then, is
/// only *when* something happened: a count that races with the change of buckets may land in the
/// neighbouring one, and a decision may mix readings of two neighbouring windows.
#[derive(Debug)]
pub(super) struct Tally {
    watched: Line<Watched>,
    good: Line<AtomicU64>,
    readings: Line<Readings>,
    ring: Mutex<Ring>,
}

/// What every call reads. Nobody writes here while all goes well, but for the change of buckets.
#[derive(Debug, Default)]
struct Watched {
    due_ns: AtomicU64,
    slow: AtomicU64,
    slow_oldest: AtomicU64,
    bad: AtomicU64,
    bad_oldest: AtomicU64,
    dropped: AtomicU64,
    dropped_oldest: AtomicU64,
}

/// What calls read when something in the window did not go well.
#[derive(Debug, Default)]
struct Readings {
    good_oldest: AtomicU64,
    good_newest: AtomicU64,
    slow_newest: AtomicU64,
    bad_newest: AtomicU64,
    failing: AtomicU32,
    working: AtomicU32,
    /// Bits of the share of slow answers above which they are failures.
    slow_ratio: AtomicU64,
}

impl Tally {
    pub(super) fn new(shape: Shape, slow_ratio: f64, now_ns: u64) -> Self {
        let tally = Self {
            watched: Line::default(),
            good: Line::default(),
            readings: Line::default(),
            ring: Mutex::new(Ring::new(shape, now_ns, Counts::default())),
        };
        tally.reshape(shape, slow_ratio, now_ns);
        tally
    }

    pub(super) fn add_good(&self) {
        self.good.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_slow(&self) {
        // Behind the counter of all good ones, so that a reader that sees it sees both.
        self.add_good();
        self.watched.0.slow.fetch_add(1, Ordering::Release);
    }

    /// How many failures there were before.
    pub(super) fn add_bad(&self) -> u64 {
        self.watched.0.bad.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn add_dropped(&self) {
        self.watched.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins the buckets that are due at `now_ns`, unless another thread is about to.
    #[inline]
    pub(super) fn turn(&self, now_ns: u64) {
        if now_ns >= self.watched.0.due_ns.load(Ordering::Relaxed) {
            self.turn_now(now_ns);
        }
    }

    #[cold]
    fn turn_now(&self, now_ns: u64) {
        if let Some(mut ring) = try_lock(&self.ring) {
            ring.advance(now_ns, self.totals());
            self.publish(&ring);
        }
    }

    /// Whether the window holds nothing but quick successes.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        let watched = &self.watched.0;
        let unmoved = |oldest: &AtomicU64, count: &AtomicU64| {
            oldest.load(Ordering::Acquire) == count.load(Ordering::Relaxed)
        };
        unmoved(&watched.bad_oldest, &watched.bad)
            && unmoved(&watched.dropped_oldest, &watched.dropped)
            && unmoved(&watched.slow_oldest, &watched.slow)
    }

    /// What happened in the window.
    pub(super) fn window(&self) -> Counts {
        let (watched, readings) = (&self.watched.0, &self.readings.0);
        // The older reading first: the counter cannot then be behind it.
        let oldest = Counts {
            good: readings.good_oldest.load(Ordering::Acquire),
            slow: watched.slow_oldest.load(Ordering::Acquire),
            bad: watched.bad_oldest.load(Ordering::Acquire),
            dropped: watched.dropped_oldest.load(Ordering::Acquire),
        };
        self.totals().since(oldest)
    }

    /// Whether the answers of this `window` are so slow that slow ones are failures.
    pub(super) fn is_too_slow(&self, window: Counts) -> bool {
        let bits = self.readings.0.slow_ratio.load(Ordering::Relaxed);
        window.is_too_slow(f64::from_bits(bits))
    }

    /// The runs at the end of the window, with the current bucket.
    pub(super) fn runs(&self, slow_fails: bool) -> Runs {
        let readings = &self.readings.0;
        let closed = Runs {
            failing: readings.failing.load(Ordering::Relaxed),
            working: readings.working.load(Ordering::Relaxed),
        };
        let start = Counts {
            good: readings.good_newest.load(Ordering::Acquire),
            slow: readings.slow_newest.load(Ordering::Acquire),
            bad: readings.bad_newest.load(Ordering::Acquire),
            dropped: 0,
        };
        closed.then(self.totals().since(start).judged(slow_fails))
    }

    /// All that was ever counted.
    pub(super) fn totals(&self) -> Counts {
        let watched = &self.watched.0;
        // Slow ones before all good ones, of which they are a part.
        let slow = watched.slow.load(Ordering::Acquire);
        Counts {
            good: self.good.0.load(Ordering::Relaxed),
            slow,
            bad: watched.bad.load(Ordering::Relaxed),
            dropped: watched.dropped.load(Ordering::Relaxed),
        }
    }

    /// Forgets the window. `false` when another thread is just changing buckets.
    pub(super) fn restart(&self, now_ns: u64) -> bool {
        let Some(mut ring) = try_lock(&self.ring) else {
            return false;
        };
        *ring = Ring::new(ring.shape(), now_ns, self.totals());
        self.publish(&ring);
        true
    }

    /// Cuts the window in another way; the counts stay. Waits for a change of buckets under way.
    pub(super) fn reshape(&self, shape: Shape, slow_ratio: f64, now_ns: u64) {
        let mut ring = lock(&self.ring);
        ring.advance(now_ns, self.totals());
        if ring.shape() != shape {
            *ring = ring.reshaped(shape, now_ns);
        }
        let bits = slow_ratio.to_bits();
        self.readings.0.slow_ratio.store(bits, Ordering::Relaxed);
        self.publish(&ring);
    }

    /// Called with the lock held. Release pairs with the loads of [`Tally::window`]: whoever sees a
    /// reading sees counters that are at least as far.
    fn publish(&self, ring: &Ring) {
        let (watched, readings) = (&self.watched.0, &self.readings.0);
        let (oldest, newest) = (ring.oldest(), ring.newest());
        let slow_fails = self.is_too_slow(newest.since(oldest));
        let runs = ring.runs(slow_fails);
        let store = |to: &AtomicU64, value| to.store(value, Ordering::Release);
        store(&watched.slow_oldest, oldest.slow);
        store(&watched.bad_oldest, oldest.bad);
        store(&watched.dropped_oldest, oldest.dropped);
        store(&readings.good_oldest, oldest.good);
        store(&readings.good_newest, newest.good);
        store(&readings.slow_newest, newest.slow);
        store(&readings.bad_newest, newest.bad);
        readings.failing.store(runs.failing, Ordering::Relaxed);
        readings.working.store(runs.working, Ordering::Relaxed);
        store(&watched.due_ns, ring.due_ns());
    }
}
