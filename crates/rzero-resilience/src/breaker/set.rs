//! A breaker for each method of a callee.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{array, fmt};

use rzero_core::{Admission, CallInfo, Error, Method};
use tokio::time::Instant;

use super::{Breaker, Pass, Rejected, Settings, Snapshot};

/// Slots of the first table; each further one has twice as many.
const FIRST: usize = 32;
const TABLES: usize = 6;
/// For about so many methods a callee has breakers of their own. Later ones share a further one,
/// so that a client of made-up methods cannot fill the memory.
pub const METHODS_MAX: usize = FIRST * ((1 << TABLES) - 1);

type Policy = Box<dyn Fn(Method) -> Settings + Send + Sync>;

/// The breakers of one callee, one for each method, made at the first call of it.
///
/// Finding one takes no lock. Methods are found by their path, not by their index alone, since one
/// callee may serve several contracts and methods made at run time have no index of their own.
pub struct Breakers {
    callee: Arc<str>,
    /// A method sits in the first table in which its slot was free when it came. Nothing is ever
    /// removed, so a free slot on the way means that the method is new.
    tables: [OnceLock<Box<[OnceLock<Entry>]>>; TABLES],
    others: OnceLock<Entry>,
    /// Held while an entry is made, so that none misses a change of the policy.
    policy: Mutex<Policy>,
}

struct Entry {
    method: Method,
    breaker: Breaker,
}

impl Breakers {
    /// Breakers of all methods of `callee` with the same settings.
    #[must_use]
    pub fn new(callee: impl Into<Arc<str>>, settings: Settings) -> Self {
        Self::with_policy(callee, move |_| settings)
    }

    /// Breakers of the methods of `callee`, each with the settings that `policy` has for it.
    ///
    /// `policy` is asked once for each method, when it is first called, and must not use these
    /// breakers.
    #[must_use]
    pub fn with_policy(
        callee: impl Into<Arc<str>>,
        policy: impl Fn(Method) -> Settings + Send + Sync + 'static,
    ) -> Self {
        Self {
            callee: callee.into(),
            tables: array::from_fn(|_| OnceLock::new()),
            others: OnceLock::new(),
            policy: Mutex::new(Box::new(policy)),
        }
    }

    /// Judges by another policy from now on; what was counted stays.
    pub fn reconfigure(
        &self,
        policy: impl Fn(Method) -> Settings + Send + Sync + 'static,
        now: Instant,
    ) {
        let mut current = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Box::new(policy);
        for entry in self.entries() {
            entry.breaker.reconfigure(current(entry.method), now);
        }
    }

    /// Lets a call of `method` pass or rejects it.
    ///
    /// # Errors
    /// When it is rejected.
    #[inline]
    pub fn enter(&self, method: Method, now: Instant) -> Result<Pass, Rejected> {
        self.of(method, now).enter(now)
    }

    /// The breaker of `method`, made now if there was none.
    #[inline]
    pub fn of(&self, method: Method, now: Instant) -> &Breaker {
        let hash = hash(method);
        for (number, table) in self.tables.iter().enumerate() {
            let slots = table.get_or_init(|| slots(FIRST << number));
            let slot = &slots[hash & (slots.len() - 1)];
            let entry = match slot.get() {
                Some(entry) => entry,
                None => self.make(slot, method, method.path(), now),
            };
            if entry.method == method {
                return &entry.breaker;
            }
        }
        let others = self.others.get();
        &others
            .unwrap_or_else(|| self.make(&self.others, method, "(other methods)", now))
            .breaker
    }

    /// What the breakers know, by the name of the method.
    #[must_use]
    pub fn snapshots(&self, now: Instant) -> Vec<Snapshot> {
        let mut all: Vec<_> = self.entries().map(|e| e.breaker.snapshot(now)).collect();
        all.sort_by(|a, b| a.method.cmp(&b.method));
        all
    }

    /// The breakers that were made so far, with their methods.
    pub fn iter(&self) -> impl Iterator<Item = (Method, &Breaker)> {
        self.entries().map(|entry| (entry.method, &entry.breaker))
    }

    #[cold]
    fn make<'a>(
        &self,
        slot: &'a OnceLock<Entry>,
        method: Method,
        name: &str,
        now: Instant,
    ) -> &'a Entry {
        let policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first, perhaps with another method.
        slot.get_or_init(|| Entry {
            method,
            breaker: Breaker::new(Arc::clone(&self.callee), name, policy(method), now),
        })
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let tables = self.tables.iter().filter_map(OnceLock::get);
        let slots = tables.flat_map(|slots| slots.iter()).chain([&self.others]);
        slots.filter_map(OnceLock::get)
    }
}

impl Admission for Breakers {
    type Permit = Pass;

    #[inline]
    fn admit(&self, call: &CallInfo, now: Instant) -> Result<Pass, Error> {
        self.enter(call.method(), now).map_err(Rejected::error)
    }
}

impl fmt::Debug for Breakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakers")
            .field("callee", &self.callee)
            .field("methods", &self.entries().count())
            .finish_non_exhaustive()
    }
}

fn slots(count: usize) -> Box<[OnceLock<Entry>]> {
    (0..count).map(|_| OnceLock::new()).collect()
}

/// Spreads paths by their length and their last eight bytes, in which methods differ; what falls
/// together is told apart by comparing.
#[inline]
fn hash(method: Method) -> usize {
    let path = method.path().as_bytes();
    let end = match path.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => path.iter().fold(0, |end, byte| end << 8 | u64::from(*byte)),
    };
    let wide = u128::from(end ^ path.len() as u64) * 0x9E37_79B9_7F4A_7C15;
    (wide ^ (wide >> 64)) as usize
}
