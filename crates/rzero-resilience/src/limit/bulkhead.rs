//! Bulkheads: the one policy that waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rzero_core::Error;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::refusal;

/// Settings of a [`Bulkhead`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BulkheadConfig {
    /// How many are inside at once, 1 to 1,000,000. Default 32.
    pub max: usize,
    /// How many wait before the next one is refused at once; 0 is no waiting. Default 128.
    pub queue_max: usize,
    /// How long one waits at most, whatever its deadline. Default 1 s.
    pub wait_max: Duration,
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        Self {
            max: 32,
            queue_max: 128,
            wait_max: Duration::from_secs(1),
        }
    }
}

impl BulkheadConfig {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        if !(1..=1_000_000).contains(&self.max) {
            return Err(format!("max: {} is not within 1 and 1000000", self.max));
        }
        if self.queue_max > 1_000_000 {
            return Err(format!("queue_max: {} is above 1000000", self.queue_max));
        }
        if self.wait_max > Duration::from_secs(3600) {
            return Err(format!("wait_max: {:?} is above 1 h", self.wait_max));
        }
        Ok(())
    }
}

/// What a [`Bulkhead`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkheadStats {
    /// How many are inside.
    pub inside: usize,
    /// How many wait.
    pub waiting: usize,
    /// How many have entered so far, and of these
    pub entered: u64,
    /// how many had to wait, and
    pub waited: u64,
    /// how long, together.
    pub waited_time: Duration,
    /// How many were refused because too many waited.
    pub refused: u64,
    /// How many gave up: their deadline passed, or they waited as long as one may.
    pub expired: u64,
    /// How many were cancelled while they waited.
    pub cancelled: u64,
}

/// Bounds the uses of one resource at once, and lets a bounded number wait their turn.
///
/// Take one for each thing that must not take everything else down with it: a slow dependency, a
/// heavy kind of work. First come, first served. Clones share it.
///
/// ```
/// # use rzero_core::Error;
/// # use rzero_resilience::limit::{Bulkhead, BulkheadConfig};
/// # async fn handler(reports: &Bulkhead, cx_deadline: Option<tokio::time::Instant>) -> Result<(), Error> {
/// let _inside = reports.enter(cx_deadline).await?;
/// // At most `max` of these run at once.
/// # Ok(())
/// # }
/// # let reports = Bulkhead::new("reports", BulkheadConfig::default()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Bulkhead(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    places: Arc<Semaphore>,
    /// Places that are to vanish when they are next given back, after `max` was lowered.
    surplus: AtomicUsize,
    inside: AtomicUsize,
    waiting: AtomicUsize,
    config: Mutex<BulkheadConfig>,
    queue_max: AtomicUsize,
    wait_max_ns: AtomicU64,
    entered: AtomicU64,
    waited: AtomicU64,
    waited_ns: AtomicU64,
    refused: AtomicU64,
    expired: AtomicU64,
    cancelled: AtomicU64,
}

impl Bulkhead {
    /// An empty bulkhead; the name is for messages and metrics.
    ///
    /// # Errors
    /// What [`BulkheadConfig::validate`] says, with the name.
    pub fn new(name: impl Into<String>, config: BulkheadConfig) -> Result<Self, String> {
        let name = name.into();
        config
            .validate()
            .map_err(|e| format!("bulkhead `{name}`: {e}"))?;
        Ok(Self(Arc::new(Shared {
            name,
            places: Arc::new(Semaphore::new(config.max)),
            surplus: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            queue_max: AtomicUsize::new(config.queue_max),
            wait_max_ns: AtomicU64::new(super::epoch::nanos(config.wait_max)),
            config: Mutex::new(config),
            entered: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        })))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Enters, or waits its turn until `deadline` and no longer than `wait_max`. The place is free
    /// again when the guard is dropped.
    ///
    /// # Errors
    /// Of class `Overloaded` at once when `queue_max` wait already, and after `wait_max`; of class
    /// `DeadlineExceeded` when the deadline has passed.
    ///
    /// # Cancel safety
    /// Dropped, the future leaves the queue; the others move up.
    pub async fn enter(&self, deadline: Option<Instant>) -> Result<BulkheadGuard, Error> {
        let shared = &self.0;
        let since = Instant::now();
        if deadline.is_some_and(|at| at <= since) {
            shared.expired.fetch_add(1, Ordering::Relaxed);
            return Err(refusal::deadline_passed());
        }
        // Places go to those who wait before they are free for others, so this takes nobody's turn.
        if let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() {
            return Ok(self.inside(place));
        }
        let waiter = Waiter::join(shared)?;
        let bound = since + Duration::from_nanos(shared.wait_max_ns.load(Ordering::Relaxed));
        let until = deadline.map_or(bound, |at| at.min(bound));
        let turn = timeout_at(until, Arc::clone(&shared.places).acquire_owned()).await;
        waiter.leave();
        let Ok(place) = turn else {
            shared.expired.fetch_add(1, Ordering::Relaxed);
            return Err(match deadline {
                Some(at) if at <= bound => refusal::deadline_passed(),
                _ => refusal::waited_too_long(),
            });
        };
        let waited = super::epoch::nanos(since.elapsed());
        shared.waited.fetch_add(1, Ordering::Relaxed);
        shared.waited_ns.fetch_add(waited, Ordering::Relaxed);
        Ok(self.inside(place.expect("the semaphore is never closed")))
    }

    fn inside(&self, place: OwnedSemaphorePermit) -> BulkheadGuard {
        self.0.entered.fetch_add(1, Ordering::Relaxed);
        self.0.inside.fetch_add(1, Ordering::Relaxed);
        BulkheadGuard {
            shared: Arc::clone(&self.0),
            place: Some(place),
        }
    }

    /// Changes the settings. Who is inside stays and who waits keeps its turn; a lower `max` takes
    /// effect as places are given back, the rest for those who come now.
    ///
    /// # Errors
    /// What [`BulkheadConfig::validate`] says, with the name; nothing is changed then.
    pub fn reconfigure(&self, config: BulkheadConfig) -> Result<(), String> {
        let shared = &self.0;
        config
            .validate()
            .map_err(|e| format!("bulkhead `{}`: {e}", shared.name))?;
        let mut known = shared.config.lock().unwrap_or_else(PoisonError::into_inner);
        match config.max.checked_sub(known.max) {
            Some(more) => shared.grow(more),
            None => shared.shrink(known.max - config.max),
        }
        shared.queue_max.store(config.queue_max, Ordering::Relaxed);
        let wait_max = super::epoch::nanos(config.wait_max);
        shared.wait_max_ns.store(wait_max, Ordering::Relaxed);
        *known = config;
        Ok(())
    }

    /// What it has counted.
    #[must_use]
    pub fn stats(&self) -> BulkheadStats {
        let shared = &self.0;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BulkheadStats {
            inside: shared.inside.load(Ordering::Relaxed),
            waiting: shared.waiting.load(Ordering::Relaxed),
            entered: count(&shared.entered),
            waited: count(&shared.waited),
            waited_time: Duration::from_nanos(count(&shared.waited_ns)),
            refused: count(&shared.refused),
            expired: count(&shared.expired),
            cancelled: count(&shared.cancelled),
        }
    }
}

impl Shared {
    fn grow(&self, more: usize) {
        // Places that were to vanish stay first.
        let kept = (0..more).take_while(|_| self.take_surplus()).count();
        self.places.add_permits(more - kept);
    }

    fn shrink(&self, less: usize) {
        let gone = self.places.forget_permits(less);
        self.surplus.fetch_add(less - gone, Ordering::AcqRel);
    }

    fn take_surplus(&self) -> bool {
        let less = |n: usize| n.checked_sub(1);
        self.surplus
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
            .is_ok()
    }
}

/// A place inside a [`Bulkhead`], given back when dropped.
#[derive(Debug)]
#[must_use = "dropped, the place is free again"]
pub struct BulkheadGuard {
    shared: Arc<Shared>,
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for BulkheadGuard {
    fn drop(&mut self) {
        self.shared.inside.fetch_sub(1, Ordering::Relaxed);
        if self.shared.take_surplus()
            && let Some(place) = self.place.take()
        {
            place.forget();
        }
    }
}

/// One that waits; dropped before it left, it was cancelled.
struct Waiter<'a>(Option<&'a Shared>);

impl<'a> Waiter<'a> {
    fn join(shared: &'a Shared) -> Result<Self, Error> {
        let max = shared.queue_max.load(Ordering::Relaxed);
        let more = |n: usize| (n < max).then(|| n + 1);
        let order = Ordering::Relaxed;
        if shared.waiting.fetch_update(order, order, more).is_err() {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(refusal::queue_full());
        }
        Ok(Self(Some(shared)))
    }

    fn leave(mut self) {
        if let Some(shared) = self.0.take() {
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            shared.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}
