//! Whether a call is shed.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::*};

use rzero_core::Priority;
use tokio::time::Instant;

use super::signals::Signals;
use super::window::Window;
use super::{Config, Reason, formula};

/// How long a signal that led to refusals counts as on after it went off, in ns.
const HOT: u64 = 1_000_000_000;
/// How exactly the time of a signal is kept, in ns, so that an overloaded server does not write it
/// at every call.
const HOT_GRAIN: u64 = 10_000_000;

/// The configuration as calls read it: one load each, no lock.
#[derive(Debug)]
pub(super) struct Settings {
    switches: AtomicU8,
    cpu_threshold: AtomicU32,
    queue_wait_max: AtomicU64,
}

const ENABLED: u8 = 1;
const CPU: u8 = 2;
const MEMORY: u8 = 4;
const QUEUE: u8 = 8;
const POOL: u8 = 16;

impl Settings {
    pub(super) fn new(config: &Config) -> Self {
        let settings = Self {
            switches: AtomicU8::new(0),
            cpu_threshold: AtomicU32::new(0),
            queue_wait_max: AtomicU64::new(0),
        };
        settings.set(config);
        settings
    }

    pub(super) fn set(&self, config: &Config) {
        let switches = [
            (config.enabled, ENABLED),
            (config.cpu, CPU),
            (config.memory, MEMORY),
            (config.queue, QUEUE),
            (config.pool, POOL),
        ];
        let switches = switches
            .iter()
            .fold(0, |all, (on, bit)| if *on { all | bit } else { all });
        let wait = u64::try_from(config.queue_wait_max.as_nanos()).unwrap_or(u64::MAX);
        self.cpu_threshold.store(config.cpu_threshold, Relaxed);
        self.queue_wait_max.store(wait, Relaxed);
        self.switches.store(switches, Relaxed);
    }

    /// Longest wait that is allowed, in ns.
    pub(super) fn queue_wait_max(&self) -> u64 {
        self.queue_wait_max.load(Relaxed)
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.switches.load(Relaxed) & ENABLED != 0
    }

    /// Whether CPU use is a reason to shed.
    pub(super) fn minds_cpu(&self) -> bool {
        self.switches.load(Relaxed) & CPU != 0
    }

    fn threshold(&self, priority: Priority) -> u32 {
        formula::threshold(self.cpu_threshold.load(Relaxed), priority)
    }

    /// The first signal by which the server is overloaded for calls of `priority`.
    ///
    /// Shedding takes its own reason away: waits are short and the CPU is just below its
    /// threshold because calls are refused. Were the gate opened then, a queue would build up until
    /// the signal is back, again and again. So while the server is `hot` and refuses many, less is
    /// enough for a signal to stay: that those who are refused had waited, or CPU use close to the
    /// threshold. Neither is so when the server has time and calls are only slow, as they are
    /// behind a slow dependency; those are let in again.
    pub(super) fn overload(
        &self,
        signals: &Signals,
        window: &Window,
        priority: Priority,
        hot: bool,
        now: Instant,
    ) -> Option<Reason> {
        let switches = self.switches.load(Relaxed);
        let on = |bit| switches & bit != 0;
        let mut threshold = self.threshold(priority);
        if hot && window.refuses_many() {
            threshold = formula::lasting(threshold);
        }
        if on(CPU) && signals.cpu_reaches(threshold, now) {
            Some(Reason::Cpu)
        } else if on(MEMORY) && signals.memory_is_full() {
            Some(Reason::Memory)
        } else if on(QUEUE) && (window.waits_too_long() || hot && window.refuses_many_late()) {
            Some(Reason::Queue)
        } else if on(POOL) && signals.pool_is_exhausted() {
            Some(Reason::Pool)
        } else {
            None
        }
    }

    /// What is left of the limit at the CPU use of the moment.
    pub(super) fn factor(&self, signals: &Signals, priority: Priority, now: Instant) -> f64 {
        if !self.minds_cpu() {
            return 1.0;
        }
        formula::factor(signals.cpu_or_idle(now), self.threshold(priority))
    }
}

/// The second after an overload that led to refusals.
#[derive(Debug, Default)]
pub(super) struct Hot {
    /// When the last overload was seen, in ns since the owner's origin.
    overload_at: AtomicU64,
    /// Whether calls were refused since the server was last cool.
    dropped: AtomicBool,
}

impl Hot {
    /// The server is overloaded at `at`.
    pub(super) fn overloaded(&self, at: u64) {
        if at > self.overload_at.load(Relaxed).saturating_add(HOT_GRAIN) {
            self.overload_at.store(at, Relaxed);
        }
    }

    /// A call is refused.
    pub(super) fn refused(&self) {
        if !self.dropped.load(Relaxed) {
            self.dropped.store(true, Relaxed);
        }
    }

    /// Whether the server, not overloaded at `at`, still counts as such.
    pub(super) fn lasts(&self, at: u64) -> bool {
        if !self.dropped.load(Relaxed) {
            return false;
        }
        let lasts = at.saturating_sub(self.overload_at.load(Relaxed)) < HOT;
        if !lasts {
            self.dropped.store(false, Relaxed);
        }
        lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hot_period_ends_a_second_after_the_overload() {
        let hot = Hot::default();
        hot.overloaded(5 * HOT);
        assert!(!hot.lasts(5 * HOT), "nothing was refused");
        hot.refused();
        assert!(hot.lasts(6 * HOT - 1));
        assert!(!hot.lasts(6 * HOT));
        hot.overloaded(8 * HOT);
        assert!(!hot.lasts(8 * HOT), "an earlier refusal is forgotten");
    }
}
