//! What tells a shedder from outside that the server is overloaded.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Age from which a CPU value says nothing any more.
const CPU_STALE: Duration = Duration::from_secs(5);
const STALE: &str = "no sample for 5 s: the task that takes them does not run";
/// The memory level that is a reason to shed.
const MEMORY_SHED: u8 = 3;

/// Whether a signal can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalState {
    /// Switched off by configuration.
    Off,
    /// It can be read and counts.
    Available,
    /// It cannot be read, and why; it counts as "not overloaded" until it can.
    Unavailable(String),
}

impl SignalState {
    /// Whether it can be read: the gauge `rz_shed_signal`.
    #[must_use]
    pub fn is_available(&self) -> bool {
        *self == Self::Available
    }
}

/// Readings of the process that others take: CPU use, the memory level, exhausted pools. One per
/// process, shared by all its shedders; reading it takes no lock.
#[derive(Debug)]
pub struct Signals {
    origin: Instant,
    cpu: AtomicU32,
    /// When it was set, in ns since the origin.
    cpu_at: AtomicU64,
    memory: AtomicU8,
    pools: AtomicU32,
    cpu_health: Health,
    memory_health: Health,
}

impl Signals {
    /// Signals that nobody has reported yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            cpu: AtomicU32::new(0),
            cpu_at: AtomicU64::new(0),
            memory: AtomicU8::new(0),
            pools: AtomicU32::new(0),
            cpu_health: Health::new("cpu"),
            memory_health: Health::new("memory"),
        }
    }

    /// Sets the smoothed CPU use, per mille of the CPUs that the process may use. To be told again
    /// at least every 5 s: an older value does not count.
    pub fn set_cpu(&self, permille: u32, now: Instant) {
        self.cpu.store(permille.min(1000), Relaxed);
        self.cpu_at.store(nanos_since(self.origin, now), Relaxed);
        self.cpu_health.recover();
    }

    /// CPU use cannot be read, and why. Logged once until it can be again.
    pub fn cpu_unavailable(&self, why: &str) {
        self.cpu_health.fail(why);
        self.cpu.store(0, Relaxed);
    }

    /// Sets the memory level, 0 (plenty) to 3 (shed).
    pub fn set_memory_level(&self, level: u8) {
        self.memory.store(level.min(MEMORY_SHED), Relaxed);
        self.memory_health.recover();
    }

    /// Memory cannot be read, and why. Logged once until it can be again.
    pub fn memory_unavailable(&self, why: &str) {
        self.memory_health.fail(why);
        self.memory.store(0, Relaxed);
    }

    /// A pool of something that calls need (connections, threads): it is told here when it is
    /// exhausted, and again when it is not.
    #[must_use]
    pub fn pool(self: &Arc<Self>) -> PoolSignal {
        PoolSignal {
            signals: Arc::clone(self),
            exhausted: AtomicBool::new(false),
        }
    }

    /// CPU use per mille; `None` when it cannot be read or is older than 5 s.
    #[must_use]
    pub fn cpu(&self, now: Instant) -> Option<u32> {
        self.cpu_is_fresh(now).then(|| self.cpu.load(Relaxed))
    }

    /// The memory level, 0 to 3; 0 while it is not known.
    #[must_use]
    pub fn memory_level(&self) -> u8 {
        self.memory.load(Relaxed)
    }

    /// How many pools are exhausted.
    #[must_use]
    pub fn pools_exhausted(&self) -> u32 {
        self.pools.load(Relaxed)
    }

    /// Whether CPU use can be read.
    #[must_use]
    pub fn cpu_state(&self, now: Instant) -> SignalState {
        match self.cpu_health.state() {
            SignalState::Available if !self.cpu_is_fresh(now) => {
                SignalState::Unavailable(STALE.into())
            }
            state => state,
        }
    }

    /// Whether the memory level can be read.
    #[must_use]
    pub fn memory_state(&self) -> SignalState {
        self.memory_health.state()
    }

    /// Whether CPU use is at or over `threshold`. Freshness is looked at only then.
    pub(super) fn cpu_reaches(&self, threshold: u32, now: Instant) -> bool {
        self.cpu.load(Relaxed) >= threshold && self.cpu_is_fresh(now)
    }

    /// CPU use per mille for the formula, whatever its age.
    pub(super) fn cpu_or_idle(&self, now: Instant) -> u32 {
        self.cpu(now).unwrap_or_default()
    }

    pub(super) fn memory_is_full(&self) -> bool {
        self.memory.load(Relaxed) >= MEMORY_SHED
    }

    pub(super) fn pool_is_exhausted(&self) -> bool {
        self.pools.load(Relaxed) > 0
    }

    /// Tells once when CPU use stopped being reported.
    pub(super) fn watch(&self, now: Instant) {
        let set = Duration::from_nanos(self.cpu_at.load(Relaxed));
        let silent = now.saturating_duration_since(self.origin) > set.saturating_add(CPU_STALE);
        if silent && self.cpu_health.state.load(Relaxed) != FAILED {
            self.cpu_unavailable(STALE);
        }
    }

    fn cpu_is_fresh(&self, now: Instant) -> bool {
        let set = Duration::from_nanos(self.cpu_at.load(Relaxed));
        self.cpu_health.state.load(Relaxed) == READABLE
            && now.saturating_duration_since(self.origin) <= set.saturating_add(CPU_STALE)
    }
}

/// Nanoseconds from `origin` to `at`, 0 when it is earlier.
pub(super) fn nanos_since(origin: Instant, at: Instant) -> u64 {
    let since = at.saturating_duration_since(origin);
    since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
}

/// A pool that can be exhausted. Dropped, it is not any more.
#[derive(Debug)]
pub struct PoolSignal {
    signals: Arc<Signals>,
    exhausted: AtomicBool,
}

impl PoolSignal {
    /// Says whether the pool has nothing left to give.
    pub fn set_exhausted(&self, exhausted: bool) {
        match (self.exhausted.swap(exhausted, Relaxed), exhausted) {
            (false, true) => self.signals.pools.fetch_add(1, Relaxed),
            (true, false) => self.signals.pools.fetch_sub(1, Relaxed),
            _ => return,
        };
    }
}

impl Drop for PoolSignal {
    fn drop(&mut self) {
        self.set_exhausted(false);
    }
}

const UNREPORTED: u8 = 0;
const READABLE: u8 = 1;
const FAILED: u8 = 2;

/// Whether a signal can be read, told in the log at each change.
#[derive(Debug)]
struct Health {
    name: &'static str,
    state: AtomicU8,
    why: Mutex<String>,
}

impl Health {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            state: AtomicU8::new(UNREPORTED),
            why: Mutex::new("nobody has reported it yet".into()),
        }
    }

    fn recover(&self) {
        if self.state.load(Relaxed) != READABLE && self.state.swap(READABLE, Relaxed) == FAILED {
            tracing::info!(signal = self.name, "signal of load shedding is back");
        }
    }

    fn fail(&self, why: &str) {
        let mut known = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != why {
            why.clone_into(&mut known);
        }
        drop(known);
        if self.state.swap(FAILED, Relaxed) != FAILED {
            tracing::warn!(
                signal = self.name,
                why,
                "signal of load shedding cannot be read; the others go on without it"
            );
        }
    }

    fn state(&self) -> SignalState {
        if self.state.load(Relaxed) == READABLE {
            return SignalState::Available;
        }
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        SignalState::Unavailable(why.clone())
    }
}
