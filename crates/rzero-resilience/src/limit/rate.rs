//! One rate for each of many keys.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::Gcra;
use super::epoch::Epoch;
use super::gcra::{Decision, Step};
use super::keyed::{Keyed, Update};

/// A rate limit on each key of a kind: users, tenants, documents.
///
/// Keys are hashed (64 bits, seeded) into memory of a fixed size; use one type of key, because `1_u32`
/// and `1_u64` hash differently. One that is idle is forgotten
/// when its place is needed; with more active keys than there is room, the one that used least is,
/// which may allow it more than its rate but never refuses anybody wrongly. A decision on a known
/// key takes no lock and allocates nothing.
#[derive(Debug)]
pub struct RateLimit {
    interval: AtomicU64,
    tolerance: AtomicU64,
    epoch: Epoch,
    keys: Keyed,
    refused: AtomicU64,
}

impl RateLimit {
    /// A limit that remembers about `capacity` keys, 16 bytes each.
    #[must_use]
    pub fn new(gcra: Gcra, capacity: usize) -> Self {
        Self::starting(gcra, capacity, Instant::now())
    }

    /// The same with the first instant that will be asked about; the limit counts from it.
    #[must_use]
    pub fn starting(gcra: Gcra, capacity: usize, now: Instant) -> Self {
        Self {
            interval: AtomicU64::new(gcra.interval()),
            tolerance: AtomicU64::new(gcra.tolerance()),
            epoch: Epoch::at(now),
            keys: Keyed::new(capacity),
            refused: AtomicU64::new(0),
        }
    }

    /// Takes one token of `key`, if there is one.
    pub fn check(&self, key: &(impl Hash + ?Sized), now: Instant) -> Decision {
        self.check_n(key, now, 1)
    }

    /// Takes `n` tokens of `key`, if they are there; all or none.
    pub fn check_n(&self, key: &(impl Hash + ?Sized), now: Instant, n: u32) -> Decision {
        let (gcra, now) = (self.gcra(), self.epoch.nanos(now));
        let step = self.keys.update(self.keys.name(key), now, |tat| {
            let step = gcra.step(tat, now, u64::from(n));
            let moved = step.allowed && step.tat != tat && n > 0;
            Update {
                next: moved.then_some(step.tat),
                result: step,
            }
        });
        if !step.allowed {
            self.count_refused();
        }
        Decision::from(step)
    }

    /// What `check_n` would say, without taking anything.
    #[must_use]
    pub fn peek(&self, key: &(impl Hash + ?Sized), now: Instant, n: u32) -> Decision {
        let tat = self.keys.state(self.keys.name(key));
        let step: Step = self.gcra().step(tat, self.epoch.nanos(now), u64::from(n));
        Decision::from(step)
    }

    /// Changes the rate; what each key has used stays used, at most its new burst.
    ///
    /// Walks over all keys, some milliseconds per million. Decisions meanwhile may follow either
    /// rate.
    pub fn reconfigure(&self, gcra: Gcra, now: Instant) {
        let old = self.gcra();
        if old == gcra {
            return;
        }
        let now = self.epoch.nanos(now);
        self.interval.store(gcra.interval(), Ordering::Relaxed);
        self.tolerance.store(gcra.tolerance(), Ordering::Relaxed);
        self.keys.rewrite(|tat| match tat > now {
            true => old.rescale(tat, now, gcra),
            false => tat,
        });
    }

    /// The rate in force.
    #[must_use]
    pub fn gcra(&self) -> Gcra {
        let interval = self.interval.load(Ordering::Relaxed);
        Gcra::from_parts(interval, self.tolerance.load(Ordering::Relaxed))
    }

    /// How many keys are remembered at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.keys.capacity()
    }

    /// How many requests were refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many keys were forgotten while in use; if this grows, the capacity is too small.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.keys.forgotten()
    }
}
