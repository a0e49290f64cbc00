//! What is known about the tasks of a name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// The tasks of one name, as numbers: `rz_tasks_alive` and `rz_tasks_panics_total` are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStats {
    /// Their name.
    pub name: &'static str,
    /// Those that run now.
    pub alive: usize,
    /// Those that were ever started.
    pub started: u64,
    /// Panics in them, also those after which a task was started again.
    pub panics: u64,
    /// How often one was started again, see [`Tasks::spawn_restarting`](super::Tasks::spawn_restarting).
    pub restarts: u64,
    /// Those that did not stop when they were asked and were cut.
    pub cut: u64,
}

/// A task that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningTask {
    /// Its name.
    pub name: &'static str,
    /// When it was started.
    pub since: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) alive: AtomicUsize,
    pub(super) started: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) cut: AtomicU64,
}

/// The counts of all names that were ever used; they are few, because they stand in code.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeMap<&'static str, Arc<Counts>>>);

impl Names {
    pub(super) fn of(&self, name: &'static str) -> Arc<Counts> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(names.entry(name).or_default())
    }

    pub(super) fn snapshot(&self) -> Vec<TaskStats> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = |(name, counts): (&&'static str, &Arc<Counts>)| TaskStats {
            name,
            alive: counts.alive.load(Relaxed),
            started: counts.started.load(Relaxed),
            panics: counts.panics.load(Relaxed),
            restarts: counts.restarts.load(Relaxed),
            cut: counts.cut.load(Relaxed),
        };
        names.iter().map(stats).collect()
    }
}
