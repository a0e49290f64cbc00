//! How many calls run at once.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rzero_core::{Admission, CallInfo, Class, Error, Outcome, Permit};
use serde::Deserialize;
use tokio::time::Instant;

use super::epoch::{Epoch, nanos};
use super::{Gradient, GradientConfig, refusal};

/// Settings of a [`Concurrency`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConcurrencyConfig {
    /// Calls that may run at once. 0, the default, is no fixed limit.
    pub max: u32,
    /// Finds out a limit from how long calls take; `max` is then an upper bound beside its own.
    /// Default off.
    pub adaptive: Option<GradientConfig>,
}

impl ConcurrencyConfig {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        match &self.adaptive {
            Some(gradient) => gradient.validate().map_err(|e| format!("adaptive.{e}")),
            None => Ok(()),
        }
    }
}

/// A limit on calls that run at once, fixed or adaptive. A refusal is of class `Overloaded`.
///
/// Clones share the limit: give the same one to all services of a server and it is server-wide. The
/// permit counts until it is finished or dropped, for a stream until its end. Admitting costs one
/// atomic exchange and a reference count; no lock, no allocation.
///
/// The adaptive limit learns from unary calls that ran to an end, well or by the caller's mistake,
/// or out of their time. Cancelled and refused ones, failures and streams say nothing about how
/// long the work takes.
#[derive(Clone, Debug)]
pub struct Concurrency(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    running: AtomicU32,
    limit: AtomicU32,
    refused: AtomicU64,
    adaptive: AtomicBool,
    learning: Learning,
}

#[derive(Debug)]
struct Learning {
    epoch: Epoch,
    window: AtomicU64,
    calls_min: AtomicU32,
    /// When the open window may be closed.
    closes: AtomicU64,
    /// Number of calls in the lower 20 bits, the sum of their times in nanoseconds above: one
    /// word, so that they always fit together.
    samples: AtomicU64,
    running_max: AtomicU32,
    estimate: Mutex<Estimate>,
}

#[derive(Debug)]
struct Estimate {
    gradient: Option<Gradient>,
    max: u32,
}

const CALL_BITS: u32 = 20;
/// A window closes early at half of what its word holds.
const CALLS_FULL: u64 = 1 << (CALL_BITS - 1);
const SUM_FULL: u64 = 1 << 43;
/// Longer calls count as this, about 8.6 s.
const SAMPLE_MAX: u64 = 1 << 33;

impl Concurrency {
    /// A fixed limit of `max` calls at once; 0 is none.
    #[must_use]
    pub fn fixed(max: u32) -> Self {
        Self::starting(max, None, Instant::now())
    }

    /// The limit that `config` describes.
    ///
    /// # Errors
    /// What [`ConcurrencyConfig::validate`] says.
    pub fn new(config: &ConcurrencyConfig) -> Result<Self, String> {
        let gradient = gradient(config)?;
        Ok(Self::starting(config.max, gradient, Instant::now()))
    }

    fn starting(max: u32, gradient: Option<Gradient>, now: Instant) -> Self {
        let limit = Self(Arc::new(Shared {
            running: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            refused: AtomicU64::new(0),
            adaptive: AtomicBool::new(false),
            learning: Learning {
                epoch: Epoch::at(now),
                window: AtomicU64::new(0),
                calls_min: AtomicU32::new(1),
                closes: AtomicU64::new(0),
                samples: AtomicU64::new(0),
                running_max: AtomicU32::new(0),
                estimate: Mutex::new(Estimate { gradient, max }),
            },
        }));
        limit.0.apply(&limit.0.learning.estimate());
        limit
    }

    /// Changes the settings. Calls that run keep running; what was learned stays, within the new
    /// bounds.
    ///
    /// # Errors
    /// What [`ConcurrencyConfig::validate`] says; nothing is changed then.
    pub fn reconfigure(&self, config: &ConcurrencyConfig) -> Result<(), String> {
        config.validate()?;
        let mut estimate = self.0.learning.estimate();
        match (&mut estimate.gradient, &config.adaptive) {
            (Some(known), Some(new)) => known.reconfigure(new.clone())?,
            (known, _) => *known = gradient(config)?,
        }
        estimate.max = config.max;
        self.0.apply(&estimate);
        Ok(())
    }

    /// Lets one more piece of work run, or refuses it; an adaptive limit learns from it.
    ///
    /// # Errors
    /// Of class `Overloaded`, when as many run as may.
    pub fn enter(&self, now: Instant) -> Result<ConcurrencyPermit, Error> {
        self.start(now, true)
    }

    fn start(&self, now: Instant, sampled: bool) -> Result<ConcurrencyPermit, Error> {
        let shared = &self.0;
        let limit = shared.limit.load(Ordering::Relaxed);
        let more = |running: u32| (running < limit).then(|| running + 1);
        let order = Ordering::Relaxed;
        if shared.running.fetch_update(order, order, more).is_err() {
            let before = shared.refused.fetch_add(1, Ordering::Relaxed);
            return Err(refusal::too_many_at_once(before));
        }
        Ok(ConcurrencyPermit {
            shared: Arc::clone(shared),
            started: now,
            sampled,
        })
    }

    /// How many run.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.0.running.load(Ordering::Relaxed)
    }

    /// How many may run; `None` without a limit.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        let limit = self.0.limit.load(Ordering::Relaxed);
        (limit != u32::MAX).then_some(limit)
    }

    /// How many were refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Admission for Concurrency {
    type Permit = ConcurrencyPermit;

    fn admit(&self, call: &CallInfo, now: Instant) -> Result<ConcurrencyPermit, Error> {
        self.start(now, !call.method().kind().is_stream())
    }
}

/// The place of a call that runs; given back when finished or dropped.
#[derive(Debug)]
#[must_use = "dropped, the place is free again"]
pub struct ConcurrencyPermit {
    shared: Arc<Shared>,
    started: Instant,
    sampled: bool,
}

impl Permit for ConcurrencyPermit {
    fn finish(self, outcome: Outcome, now: Instant) {
        let shared = &self.shared;
        if self.sampled && shared.adaptive.load(Ordering::Relaxed) && tells_time(outcome) {
            shared.learn(now, nanos(now.saturating_duration_since(self.started)));
        }
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a call that ended so took as long as such calls take.
fn tells_time(outcome: Outcome) -> bool {
    match outcome.class() {
        None | Some(Class::DeadlineExceeded) => true,
        Some(Class::Cancelled | Class::RateLimited) => false,
        Some(_) => outcome.is_ok(),
    }
}

impl Shared {
    fn apply(&self, estimate: &Estimate) {
        let fixed = match estimate.max {
            0 => u32::MAX,
            max => max,
        };
        let found = estimate.gradient.as_ref().map_or(fixed, Gradient::limit);
        self.limit.store(found.min(fixed), Ordering::Relaxed);
        if let Some(gradient) = &estimate.gradient {
            let config = gradient.config();
            let learning = &self.learning;
            learning
                .window
                .store(nanos(config.window), Ordering::Relaxed);
            learning
                .calls_min
                .store(config.window_calls_min, Ordering::Relaxed);
        }
        self.adaptive
            .store(estimate.gradient.is_some(), Ordering::Relaxed);
    }

    /// Takes in the time of one call and closes the window when it is over.
    fn learn(&self, now: Instant, took: u64) {
        let learning = &self.learning;
        let running = self.running.load(Ordering::Relaxed);
        if running > learning.running_max.load(Ordering::Relaxed) {
            learning.running_max.fetch_max(running, Ordering::Relaxed);
        }
        let sample = (took.min(SAMPLE_MAX) << CALL_BITS) | 1;
        let samples = learning.samples.fetch_add(sample, Ordering::Relaxed) + sample;
        let (calls, sum) = split(samples);
        let now = learning.epoch.nanos(now);
        let closes = learning.closes.load(Ordering::Relaxed);
        let over = now >= closes && calls >= u64::from(learning.calls_min.load(Ordering::Relaxed));
        if !over && calls < CALLS_FULL && sum < SUM_FULL {
            return;
        }
        let next = now + learning.window.load(Ordering::Relaxed);
        let order = Ordering::Relaxed;
        let won = learning.closes.compare_exchange(closes, next, order, order);
        if won.is_ok() {
            self.close_window();
        }
    }

    fn close_window(&self) {
        let learning = &self.learning;
        let (calls, sum) = split(learning.samples.swap(0, Ordering::Relaxed));
        let running_max = learning.running_max.swap(0, Ordering::Relaxed);
        let Some(mean) = sum.checked_div(calls) else {
            return;
        };
        // One thread in a window gets here, so the lock is free but for a change of settings.
        let mut estimate = learning.estimate();
        if let Some(gradient) = &mut estimate.gradient {
            gradient.observe(Duration::from_nanos(mean), running_max);
            self.apply(&estimate);
        }
    }
}

impl Learning {
    fn estimate(&self) -> MutexGuard<'_, Estimate> {
        self.estimate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn split(samples: u64) -> (u64, u64) {
    (samples & ((1 << CALL_BITS) - 1), samples >> CALL_BITS)
}

fn gradient(config: &ConcurrencyConfig) -> Result<Option<Gradient>, String> {
    config.validate()?;
    config.adaptive.clone().map(Gradient::new).transpose()
}
