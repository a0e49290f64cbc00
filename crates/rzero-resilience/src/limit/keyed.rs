//! One atomic word for each of many keys, in memory of a fixed size.
//!
//! A set-associative table: a key hashes to a bucket of eight slots, one cache line of keys and one
//! of states. A known key is found and updated without a lock. A new key takes the slot with the
//! smallest state under a short lock, shared by a part of the buckets; the word is chosen so that
//! the smallest state is the idlest. Where all eight are in use the idlest is forgotten, which can
//! only allow too much to its owner, never refuse anybody.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::PoisonError;

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, WAYS};

const LOCKS: usize = 64;
/// The slot is changing its owner.
const BUSY: u64 = u64::MAX;

/// What to do with the state of a key.
pub(super) struct Update<R> {
    /// The state to store; `None` leaves it as it is.
    pub(super) next: Option<u64>,
    pub(super) result: R,
}

#[derive(Debug)]
pub(super) struct Keyed {
    buckets: Box<[Bucket]>,
    locks: Box<[Mutex<()>]>,
    hasher: RandomState,
    forgotten: AtomicU64,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket {
    keys: [AtomicU64; WAYS],
    states: [AtomicU64; WAYS],
}

impl Keyed {
    /// Room for about `capacity` keys, rounded up to a power of two; 16 bytes each.
    pub(super) fn new(capacity: usize) -> Self {
        let buckets = capacity.max(1).div_ceil(WAYS).next_power_of_two();
        Self {
            buckets: (0..buckets).map(|_| Bucket::default()).collect(),
            locks: (0..LOCKS.min(buckets)).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            forgotten: AtomicU64::new(0),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// How many keys that were not idle had to make room.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The name of a key in the table. Seeded per table, so nobody outside can make keys collide.
    pub(super) fn name(&self, key: &(impl Hash + ?Sized)) -> u64 {
        // 0 marks an empty slot.
        self.hasher.hash_one(key).max(1)
    }

    /// The state of a key; 0 when it is not known.
    pub(super) fn state(&self, name: u64) -> u64 {
        let read = |state| Update {
            next: None,
            result: state,
        };
        self.update(name, 0, read)
    }

    /// Updates the state of a key, 0 when it is not known; `step` may be asked more than once.
    ///
    /// New states are larger than old ones, as long as time goes on. States up to `idle` are as
    /// good as none.
    pub(super) fn update<R>(&self, name: u64, idle: u64, step: impl Fn(u64) -> Update<R>) -> R {
        let (bucket, lock) = self.place(name);
        if let Some(result) = bucket.hit(name, &step) {
            return result;
        }
        let first = step(0);
        let Some(next) = first.next else {
            return first.result;
        };
        let _guard = locked(lock);
        loop {
            // Somebody else may have brought the same key meanwhile.
            if let Some(result) = bucket.hit(name, &step) {
                return result;
            }
            if let Some(evicted) = bucket.claim(name, next) {
                self.forgotten
                    .fetch_add(u64::from(evicted > idle), Ordering::Relaxed);
                return first.result;
            }
        }
    }

    /// Replaces every state, for a change of what states mean.
    pub(super) fn rewrite(&self, change: impl Fn(u64) -> u64) {
        for (at, bucket) in self.buckets.iter().enumerate() {
            let _guard = locked(&self.locks[at % self.locks.len()]);
            for state in &bucket.states {
                let new = |old| (old != 0).then(|| change(old));
                // An empty slot stays empty.
                let _ = state.fetch_update(Ordering::AcqRel, Ordering::Acquire, new);
            }
        }
    }

    fn place(&self, name: u64) -> (&Bucket, &Mutex<()>) {
        let high = usize::try_from(name >> 32).expect("32 bits fit in a usize");
        let at = high & (self.buckets.len() - 1);
        (&self.buckets[at], &self.locks[at % self.locks.len()])
    }
}

impl Bucket {
    /// Updates the slot of `name`; `None` when it has none, or its slot is changing owner (which
    /// nobody sees who holds the lock).
    fn hit<R>(&self, name: u64, step: &impl Fn(u64) -> Update<R>) -> Option<R> {
        let mut keys = self.keys.iter();
        let at = keys.position(|key| key.load(Ordering::Acquire) == name)?;
        let state = &self.states[at];
        let mut seen = state.load(Ordering::Acquire);
        loop {
            // The owner is looked at again behind the state. If it is still ours, the state is,
            // and the exchange fails if the slot changes its owner from here on: states grow, so
            // an old one does not come back. (Of a slot that was taken while in use it might; then
            // one update goes to the wrong key.)
            if seen == BUSY || self.keys[at].load(Ordering::Acquire) != name {
                return None;
            }
            let update = step(seen);
            let Some(next) = update.next else {
                return Some(update.result);
            };
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match state.compare_exchange_weak(seen, next, order.0, order.1) {
                Ok(_) => return Some(update.result),
                Err(newer) => seen = newer,
            }
        }
    }

    /// Gives the idlest slot to `name`, under the lock, and tells what state it had. `None` when
    /// its owner came back just now.
    fn claim(&self, name: u64, next: u64) -> Option<u64> {
        let states = self.states.iter().zip(&self.keys);
        let states = states.map(|(state, key)| (state.load(Ordering::Acquire), state, key));
        let (seen, state, key) = states.min_by_key(|slot| slot.0)?;
        state
            .compare_exchange(seen, BUSY, Ordering::AcqRel, Ordering::Relaxed)
            .ok()?;
        key.store(name, Ordering::Release);
        state.store(next, Ordering::Release);
        Some(seen)
    }
}

fn locked(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(table: &Keyed, name: u64, n: u64) -> u64 {
        table.update(name, 0, |state| Update {
            next: Some(state + n),
            result: state + n,
        })
    }

    #[test]
    fn keys_have_states_of_their_own() {
        let table = Keyed::new(64);
        let names: Vec<u64> = (0..8).map(|n| table.name(&n)).collect();
        for (i, name) in (1..).zip(&names) {
            assert_eq!(add(&table, *name, i), i);
        }
        for (i, name) in (1..).zip(&names) {
            assert_eq!(add(&table, *name, 1), i + 1);
        }
        assert_eq!(table.forgotten(), 0);
    }

    #[test]
    fn the_idlest_makes_room() {
        let table = Keyed::new(8);
        for name in 1..=8 {
            add(&table, name, name * 10);
        }
        add(&table, 9, 5);
        assert_eq!((table.state(1), table.forgotten()), (0, 1));
        assert_eq!(table.state(9), 5);
        assert_eq!(table.state(2), 20);
    }

    #[test]
    fn threads_lose_no_update_while_keys_come_and_stay() {
        let table = Keyed::new(64);
        let names: Vec<u64> = (1..=6).map(|n| n << 33).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for i in 0..6_000 {
                        add(&table, names[i % names.len()], 1);
                    }
                });
            }
        });
        assert!(names.iter().all(|name| table.state(*name) == 4_000));
    }

    #[test]
    fn rewriting_changes_known_keys_only() {
        let table = Keyed::new(8);
        add(&table, 7, 100);
        table.rewrite(|state| state / 2 + 1);
        assert_eq!((table.state(7), table.state(8)), (51, 0));
        let empty = |state: &&AtomicU64| state.load(Ordering::Relaxed) == 0;
        assert_eq!(table.buckets[0].states.iter().filter(empty).count(), 7);
    }
}
