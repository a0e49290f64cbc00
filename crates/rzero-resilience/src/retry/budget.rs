//! How much extra load retries may cause.
//!
//! A retry budget as in Finagle and tower: first attempts earn a share of an extra one, and a floor
//! keeps retries possible at low rates. Here the window is kept exactly, whatever threads do at the
//! same time: extra attempts never exceed `ratio` × first attempts + `floor_per_second` × time, the
//! time rounded up to whole windows.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::ring::{Ring, SLOTS};

/// Fixed-point unit of the ratio and the floor.
const UNIT: u64 = 1_000_000;

/// How much extra load retries, re-picks and hedges to one target may cause together.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetConfig {
    /// Extra attempts that a first attempt earns, 0 to 1, default 0.1.
    pub ratio: f64,
    /// How long what was earned may be spent, default 10 s; 1 s to 10 min.
    pub window: Duration,
    /// Extra attempts per second that are always allowed, 0 to 1000, default 3. All those of a
    /// window may come at once.
    pub floor_per_second: f64,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            ratio: 0.1,
            window: Duration::from_secs(10),
            floor_per_second: 3.0,
        }
    }
}

impl BudgetConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the key that is wrong and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err("ratio: must be 0 to 1, such as 0.1 for 10 %".to_owned());
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.window) {
            return Err("window: must be 1 s to 10 min".to_owned());
        }
        if !(0.0..=1000.0).contains(&self.floor_per_second) {
            return Err("floor_per_second: must be 0 to 1000".to_owned());
        }
        Ok(())
    }
}

/// The budget of one target, shared by all its calls: no lock, no allocation, no clock.
#[derive(Debug)]
pub struct Budget {
    origin: Instant,
    slot_nanos: u64,
    /// Millionths of an extra attempt that a first one earns.
    ratio: AtomicU64,
    /// Millionths of extra attempts that a window may hold in any case.
    floor: AtomicU64,
    ring: Ring,
}

impl Budget {
    /// A budget that begins at `now`. Values out of range are taken as the nearest in range.
    #[must_use]
    pub fn new(config: &BudgetConfig, now: Instant) -> Self {
        let window = config
            .window
            .clamp(Duration::from_secs(1), Duration::from_secs(600));
        let budget = Self {
            origin: now,
            slot_nanos: nanos(window) / SLOTS,
            ratio: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            ring: Ring::new(),
        };
        budget.reconfigure(config);
        budget
    }

    /// Takes a new ratio and floor and keeps what was counted. The window stays as it was made.
    pub fn reconfigure(&self, config: &BudgetConfig) {
        let window = Duration::from_nanos(self.slot_nanos * SLOTS).as_secs_f64();
        self.ratio.store(fixed(config.ratio, 1.0), Relaxed);
        let floor = fixed(config.floor_per_second * window, 1000.0 * window);
        self.floor.store(floor, Relaxed);
    }

    /// Counts a first attempt; once per call.
    pub fn deposit(&self, now: Instant) {
        self.ring.deposit(self.slot(now));
    }

    /// Takes an extra attempt out of the budget; `None` when it is empty.
    ///
    /// Under contention for the last one, all who race for it may be refused.
    #[must_use = "dropped unspent, it goes back"]
    pub fn withdraw(&self, now: Instant) -> Option<Withdrawal<'_>> {
        let slot = self.slot(now);
        let covers = |first, extra| extra * UNIT <= self.credit(first);
        // Made only when granted: dropped, it would give back what it never took.
        self.ring
            .withdraw(slot, covers)
            .then(|| Withdrawal { budget: self, slot })
    }

    /// Extra attempts that the budget holds at `now`.
    #[must_use]
    pub fn balance(&self, now: Instant) -> u64 {
        let (first, extra) = self.ring.sums(self.slot(now));
        self.credit(first).saturating_sub(extra * UNIT) / UNIT
    }

    fn credit(&self, first: u64) -> u64 {
        first * self.ratio.load(Relaxed) + self.floor.load(Relaxed)
    }

    /// Tenths of the window since the budget began.
    fn slot(&self, now: Instant) -> u64 {
        let age = nanos(now.saturating_duration_since(self.origin));
        self.ring.advance(age / self.slot_nanos)
    }
}

/// An extra attempt that was taken out of a [`Budget`]. Dropped before it is spent, as when the
/// caller leaves during the delay, it goes back.
#[derive(Debug)]
#[must_use = "dropped unspent, it goes back"]
pub struct Withdrawal<'a> {
    budget: &'a Budget,
    slot: u64,
}

impl Withdrawal<'_> {
    /// The extra attempt is being made.
    pub fn spend(self) {
        std::mem::forget(self);
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        self.budget.ring.refund(self.slot);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=max, which is far below 2^53"
)]
fn fixed(value: f64, max: f64) -> u64 {
    // NaN becomes 0.
    (value.max(0.0).min(max) * UNIT as f64).round() as u64
}
