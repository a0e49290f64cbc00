//! How much extra load retries may cause.
//!
//! A retry budget as in Finagle and tower: first attempts earn a share of an extra one, and a floor
//! keeps retries possible at low rates. Here the window is kept exactly. It is a ring of slots, a
//! tenth of the window each. A withdrawal books first and looks then, over its slot and the nine
//! before it: of two that race for the last one, at least one sees the other. Any span of time is
//! covered by windows that end with a withdrawal, so extra attempts never exceed
//! `ratio` × first attempts + `floor_per_second` × time, the time rounded up to whole windows.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// Slots that make up the window.
const SLOTS: u64 = 10;
/// Slots of the ring: some more, for threads that are a little ahead or behind.
const RING: usize = 16;
/// A slot is one word: tag, first attempts, extra attempts.
const EXTRA_BITS: u32 = 20;
const FIRST_BITS: u32 = 24;
const EXTRA_MASK: u64 = (1 << EXTRA_BITS) - 1;
const FIRST_MASK: u64 = (1 << FIRST_BITS) - 1;
const TAG_SHIFT: u32 = EXTRA_BITS + FIRST_BITS;
const TAG_MASK: u64 = u64::MAX >> TAG_SHIFT;
/// A field this close to its end takes no more: more threads than this do not add at once.
const MARGIN: u64 = 1 << 16;
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
    /// The newest slot that was seen: the time of a thread that is behind counts as this.
    head: AtomicU64,
    ring: [AtomicU64; RING],
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
            head: AtomicU64::new(0),
            ring: [const { AtomicU64::new(0) }; RING],
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
        let cell = self.cell(self.slot(now));
        let word = cell.load(Relaxed);
        if (word >> EXTRA_BITS) & FIRST_MASK < FIRST_MASK - MARGIN {
            cell.fetch_add(1 << EXTRA_BITS, Relaxed);
        }
    }

    /// Takes an extra attempt out of the budget; `None` when it is empty.
    ///
    /// Under contention for the last one, all who race for it may be refused.
    #[must_use = "dropped unspent, it goes back"]
    pub fn withdraw(&self, now: Instant) -> Option<Withdrawal<'_>> {
        let slot = self.slot(now);
        // While the budget is empty nothing is written, so that an outage costs reads alone.
        if !self.covers(slot, 1) {
            return None;
        }
        let cell = self.cell(slot);
        if cell.load(Relaxed) & EXTRA_MASK >= EXTRA_MASK - MARGIN {
            return None;
        }
        cell.fetch_add(1, SeqCst);
        let withdrawal = Withdrawal { budget: self, slot };
        self.covers(slot, 0).then_some(withdrawal)
    }

    /// Extra attempts that the budget holds at `now`.
    #[must_use]
    pub fn balance(&self, now: Instant) -> u64 {
        let (first, extra) = self.sums(self.slot(now));
        self.credit(first).saturating_sub(extra * UNIT) / UNIT
    }

    /// Whether the window that ends with `slot` has room for `more`.
    fn covers(&self, slot: u64, more: u64) -> bool {
        let (first, extra) = self.sums(slot);
        (extra + more) * UNIT <= self.credit(first)
    }

    fn credit(&self, first: u64) -> u64 {
        first * self.ratio.load(Relaxed) + self.floor.load(Relaxed)
    }

    /// First and extra attempts of the window that ends with `slot`. Extra ones of later slots
    /// count too: whoever is ahead may not have seen what is booked here.
    fn sums(&self, slot: u64) -> (u64, u64) {
        let (mut first, mut extra) = (0, 0);
        for i in 0..RING as u64 {
            let Some(at) = (slot + 1 + i).checked_sub(SLOTS) else {
                continue;
            };
            let word = self.ring[index(at)].load(SeqCst);
            if word >> TAG_SHIFT == at & TAG_MASK {
                extra += word & EXTRA_MASK;
                if at <= slot {
                    first += (word >> EXTRA_BITS) & FIRST_MASK;
                }
            }
        }
        (first, extra)
    }

    fn slot(&self, now: Instant) -> u64 {
        let slot = nanos(now.saturating_duration_since(self.origin)) / self.slot_nanos;
        let head = self.head.load(Relaxed);
        match slot > head {
            true => self.head.fetch_max(slot, Relaxed).max(slot),
            false => head,
        }
    }

    /// The cell of `slot`, cleared of what it held a ring ago.
    fn cell(&self, slot: u64) -> &AtomicU64 {
        let cell = &self.ring[index(slot)];
        let tag = slot & TAG_MASK;
        let mut word = cell.load(Relaxed);
        while word >> TAG_SHIFT != tag {
            match cell.compare_exchange_weak(word, tag << TAG_SHIFT, SeqCst, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        cell
    }

    fn refund(&self, slot: u64) {
        let take = |word: u64| {
            let ours = word >> TAG_SHIFT == slot & TAG_MASK && word & EXTRA_MASK > 0;
            ours.then(|| word - 1)
        };
        // What left the window meanwhile needs no refund.
        let _ = self.ring[index(slot)].fetch_update(SeqCst, Relaxed, take);
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
        self.budget.refund(self.slot);
    }
}

fn index(slot: u64) -> usize {
    // The remainder is below 16.
    usize::try_from(slot % RING as u64).unwrap_or(0)
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
