//! What all calls of a client to one target share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::deadline::FLOOR;
use super::latency::{self, Latency};
use super::{Budget, BudgetConfig, Hedge};

/// What all calls of a client to one target share: budget, cap on hedges, latency.
#[derive(Debug)]
pub struct Target {
    /// Extra attempts of every kind.
    pub budget: Arc<Budget>,
    /// Hedged calls; it counts every call as a first attempt.
    pub hedges: Arc<Budget>,
    /// How long calls take, from their first attempt to their success.
    pub latency: Latency,
    left: AtomicUsize,
}

impl Target {
    /// A target of which nothing is known.
    #[must_use]
    pub fn new(budget: &BudgetConfig, hedge: &Hedge, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::new(Budget::new(budget, now)),
            hedges: Arc::new(Budget::new(&hedge.cap(), now)),
            latency: Latency::new(latency::WINDOW, now),
            left: AtomicUsize::new(0),
        })
    }

    /// One part of this target, such as a method: limits are shared, latency is its own.
    #[must_use]
    pub fn part(&self, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::clone(&self.budget),
            hedges: Arc::clone(&self.hedges),
            latency: Latency::new(latency::WINDOW, now),
            left: AtomicUsize::new(0),
        })
    }

    /// Takes new limits and keeps what was counted; the window of the budget stays as it was made.
    pub fn reconfigure(&self, budget: &BudgetConfig, hedge: &Hedge) {
        self.budget.reconfigure(budget);
        self.hedges.reconfigure(&hedge.cap());
    }

    /// Counts a call; once, with its first attempt.
    pub fn begin(&self, now: Instant) {
        self.budget.deposit(now);
        self.hedges.deposit(now);
    }

    /// Counts a call that began at `begun` and succeeded at `now`.
    pub fn succeeded(&self, begun: Instant, now: Instant) {
        self.latency
            .record(now.saturating_duration_since(begun), now);
    }

    /// The median of its calls; zero while it is unknown.
    #[must_use]
    pub fn p50(&self, now: Instant) -> Duration {
        self.latency.summary(now).p50
    }

    /// Whether a second attempt may be sent now; `true` takes it out of the budget and of the cap
    /// on hedges. It is refused too when it would not finish by `deadline`.
    #[must_use]
    pub fn try_hedge(&self, deadline: Option<Instant>, now: Instant) -> bool {
        let needed = self.p50(now).max(FLOOR);
        if deadline.is_some_and(|at| at.saturating_duration_since(now) < needed) {
            return false;
        }
        let Some(hedge) = self.hedges.withdraw(now) else {
            return false;
        };
        let Some(extra) = self.budget.withdraw(now) else {
            return false;
        };
        hedge.spend();
        extra.spend();
        true
    }

    /// Attempts that lost and were left to finish, because no more calls could be cancelled.
    #[must_use]
    pub fn left_to_finish(&self) -> usize {
        self.left.load(Relaxed)
    }

    /// Counts an attempt that is left to finish while the guard lives.
    pub(super) fn leave(self: &Arc<Self>) -> Left {
        self.left.fetch_add(1, Relaxed);
        Left(Arc::clone(self))
    }
}

/// An attempt that is left to finish.
pub(super) struct Left(Arc<Target>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.left.fetch_sub(1, Relaxed);
    }
}
