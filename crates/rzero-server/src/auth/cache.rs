//! What was learned of credentials, for a while and in bounded memory.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rzero_config::{ByteSize, Secret};
use tokio::time::Instant;

/// Callers rarely meet at one lock of these, which is held for a look-up.
const SHARDS: usize = 16;

/// What an entry takes beside its key and value: it, its place in a map, and room of the map.
const OVERHEAD: usize = 192;

/// Values by credential.
///
/// Its memory is bounded in bytes. Each shard has two generations: a look-up moves what it finds
/// into the young one, and when that is full the old one is forgotten and the young one becomes
/// old. So what is used stays, and each step takes the same time.
///
/// Credentials are found by a keyed hash and compared in constant time, so no answer's timing
/// tells a part of one.
pub(super) struct Cache<V> {
    keys: RandomState,
    shards: Box<[Mutex<Shard<V>>]>,
    /// Bytes of one generation of a shard.
    room: usize,
}

struct Shard<V> {
    young: HashMap<u64, Entry<V>>,
    old: HashMap<u64, Entry<V>>,
    /// Bytes of the young ones.
    weight: usize,
}

struct Entry<V> {
    scope: &'static str,
    credential: Secret,
    value: V,
    until: Instant,
    weight: usize,
}

impl<V: Clone> Cache<V> {
    /// A cache that takes at most `size`, roughly.
    pub(super) fn new(size: ByteSize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                young: HashMap::new(),
                old: HashMap::new(),
                weight: 0,
            })
        };
        Self {
            keys: RandomState::new(),
            shards: (0..SHARDS).map(|_| shard()).collect(),
            room: size.as_usize() / SHARDS / 2,
        }
    }

    /// What is known of `credential` in `scope` at `now`.
    pub(super) fn get(&self, scope: &'static str, credential: &str, now: Instant) -> Option<V> {
        let hash = self.keys.hash_one((scope, credential));
        let mut shard = self.shard(hash);
        let young = shard.young.get(&hash);
        let entry = match young {
            Some(entry) => entry,
            None => shard.old.get(&hash)?,
        };
        if entry.until <= now || entry.scope != scope || !entry.credential.matches(credential) {
            return None;
        }
        let value = entry.value.clone();
        let aged = match young.is_none() {
            true => shard.old.remove(&hash),
            false => None,
        };
        // Not under the lock: a whole generation may be dropped.
        let dropped = aged.and_then(|entry| shard.put(hash, entry, self.room));
        drop(shard);
        drop(dropped);
        Some(value)
    }

    /// Remembers `value`, which takes `weight` bytes, until `until`.
    pub(super) fn put(
        &self,
        scope: &'static str,
        credential: &str,
        (value, weight): (V, usize),
        until: Instant,
    ) {
        let weight = weight
            .saturating_add(credential.len())
            .saturating_add(OVERHEAD);
        if weight > self.room {
            return;
        }
        let hash = self.keys.hash_one((scope, credential));
        let entry = Entry {
            scope,
            credential: Secret::new(credential),
            value,
            until,
            weight,
        };
        let mut shard = self.shard(hash);
        let replaced = shard.forget(hash);
        let dropped = shard.put(hash, entry, self.room);
        drop(shard);
        drop((replaced, dropped));
    }

    /// Forgets what is known of `credential`.
    pub(super) fn forget(&self, scope: &'static str, credential: &str) {
        let hash = self.keys.hash_one((scope, credential));
        let mut shard = self.shard(hash);
        let forgotten = shard.forget(hash);
        drop(shard);
        drop(forgotten);
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<V>> {
        // The map in it uses other bits.
        let index = usize::try_from(hash >> 56).unwrap_or(0) % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let lens = self.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        });
        lens.sum()
    }
}

impl<V> Shard<V> {
    /// Adds what is in neither generation, and gives what is forgotten for it.
    fn put(&mut self, hash: u64, entry: Entry<V>, room: usize) -> Option<HashMap<u64, Entry<V>>> {
        let mut dropped = None;
        if self.weight + entry.weight > room {
            let young = mem::take(&mut self.young);
            dropped = Some(mem::replace(&mut self.old, young));
            self.weight = 0;
        }
        self.weight += entry.weight;
        self.young.insert(hash, entry);
        dropped
    }

    fn forget(&mut self, hash: u64) -> Option<Entry<V>> {
        let Some(young) = self.young.remove(&hash) else {
            return self.old.remove(&hash);
        };
        self.weight -= young.weight;
        Some(young)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn later(now: Instant, secs: u64) -> Instant {
        now + Duration::from_secs(secs)
    }

    #[test]
    fn values_are_known_until_their_time_in_their_scope() {
        let (cache, now) = (Cache::new(ByteSize::mib(1)), Instant::now());
        cache.put("/a", "key", (7, 4), later(now, 5));
        assert_eq!(cache.get("/a", "key", later(now, 4)), Some(7));
        assert_eq!(cache.get("/a", "key", later(now, 5)), None);
        assert_eq!(cache.get("/b", "key", now), None);
        assert_eq!(cache.get("/a", "kez", now), None);
    }

    #[test]
    fn values_are_replaced_and_forgotten() {
        let (cache, now) = (Cache::new(ByteSize::mib(1)), Instant::now());
        for n in 0..1000 {
            cache.put("/a", "key", (n, 4), later(now, 5));
        }
        assert_eq!((cache.get("/a", "key", now), cache.len()), (Some(999), 1));
        cache.forget("/a", "key");
        assert_eq!((cache.get("/a", "key", now), cache.len()), (None, 0));
        let weights = cache.shards.iter().map(|s| s.lock().unwrap().weight);
        assert_eq!(weights.sum::<usize>(), 0);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let size = ByteSize::kib(64);
        let (cache, now) = (Cache::new(size), Instant::now());
        let until = later(now, 60);
        cache.put("/a", "used", ((), 0), until);
        for n in 0..20_000 {
            cache.put("/a", &format!("flood {n}"), ((), 0), until);
            assert_eq!(cache.get("/a", "used", now), Some(()), "{n}");
        }
        let most = size.as_usize() / OVERHEAD;
        assert!(
            cache.len() <= most && cache.len() > most / 3,
            "{}",
            cache.len()
        );
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let (cache, now) = (Cache::new(ByteSize::kib(64)), Instant::now());
        cache.put("/a", &"x".repeat(4096), ((), 0), later(now, 5));
        cache.put("/a", "y", ((), usize::MAX), later(now, 5));
        assert_eq!(cache.len(), 0);
    }
}
