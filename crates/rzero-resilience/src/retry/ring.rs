//! The book of a budget: first and extra attempts by slots of time, without a clock.

#[cfg(not(rzero_loom))]
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
    fence,
};

#[cfg(rzero_loom)]
use loom::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
    fence,
};

/// Slots that make up the window.
pub(super) const SLOTS: u64 = 10;
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

/// First and extra attempts, counted by slots; a slot that a ring later needs is cleared then.
///
/// A withdrawal books first and looks then, over its slot, the nine before it and those behind it,
/// with a fence in between: of two that race for the last extra attempt, at least one sees the
/// other, whichever slots they are in. Any span of time is covered by windows that end with a
/// withdrawal, so what holds for those holds for all time.
#[derive(Debug)]
pub(super) struct Ring {
    /// The newest slot that was seen: the time of a thread that is behind counts as this.
    head: AtomicU64,
    cells: [AtomicU64; RING],
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            head: AtomicU64::new(0),
            cells: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// The slot in which a thread books that takes the time for `slot`.
    pub(super) fn advance(&self, slot: u64) -> u64 {
        let head = self.head.load(Relaxed);
        match slot > head {
            true => self.head.fetch_max(slot, Relaxed).max(slot),
            false => head,
        }
    }

    /// Books a first attempt.
    pub(super) fn deposit(&self, slot: u64) {
        let cell = self.cell(slot);
        let first = (cell.load(Relaxed) >> EXTRA_BITS) & FIRST_MASK;
        if first < FIRST_MASK - MARGIN {
            cell.fetch_add(1 << EXTRA_BITS, Relaxed);
        }
    }

    /// Books an extra attempt, when `covers` says that the window's first attempts cover its extra
    /// ones.
    pub(super) fn withdraw(&self, slot: u64, covers: impl Fn(u64, u64) -> bool) -> bool {
        // While the budget is empty nothing is written, so that an outage costs reads alone.
        let (first, extra) = self.sums(slot);
        if !covers(first, extra + 1) {
            return false;
        }
        let cell = self.cell(slot);
        if cell.load(Relaxed) & EXTRA_MASK >= EXTRA_MASK - MARGIN {
            return false;
        }
        cell.fetch_add(1, Relaxed);
        fence(SeqCst);
        let (first, extra) = self.sums(slot);
        let granted = covers(first, extra);
        if !granted {
            self.refund(slot);
        }
        granted
    }

    /// Takes an extra attempt back.
    pub(super) fn refund(&self, slot: u64) {
        let take = |word: u64| {
            let ours = word >> TAG_SHIFT == slot & TAG_MASK && word & EXTRA_MASK > 0;
            ours.then(|| word - 1)
        };
        // What left the ring meanwhile needs no refund.
        let _ = self.cells[index(slot)].fetch_update(Relaxed, Relaxed, take);
    }

    /// First and extra attempts of the window that ends with `slot`. Extra ones of later slots
    /// count too: whoever is ahead may not have seen what is booked here.
    pub(super) fn sums(&self, slot: u64) -> (u64, u64) {
        let (mut first, mut extra) = (0, 0);
        for i in 0..RING as u64 {
            let Some(at) = (slot + 1 + i).checked_sub(SLOTS) else {
                continue;
            };
            let word = self.cells[index(at)].load(Relaxed);
            if word >> TAG_SHIFT == at & TAG_MASK {
                extra += word & EXTRA_MASK;
                if at <= slot {
                    first += (word >> EXTRA_BITS) & FIRST_MASK;
                }
            }
        }
        (first, extra)
    }

    /// The cell of `slot`, cleared of what it held a ring ago.
    fn cell(&self, slot: u64) -> &AtomicU64 {
        let cell = &self.cells[index(slot)];
        let tag = slot & TAG_MASK;
        let mut word = cell.load(Relaxed);
        while word >> TAG_SHIFT != tag {
            match cell.compare_exchange_weak(word, tag << TAG_SHIFT, Relaxed, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        cell
    }
}

fn index(slot: u64) -> usize {
    // The remainder is below 16.
    usize::try_from(slot % RING as u64).unwrap_or(0)
}

#[cfg(all(test, not(rzero_loom)))]
mod tests {
    use super::*;

    #[test]
    fn slot_is_cleared_when_the_ring_comes_round() {
        let ring = Ring::new();
        for slot in [3, 3 + RING as u64, 3 + 5 * RING as u64] {
            assert_eq!(ring.sums(slot), (0, 0));
            ring.deposit(slot);
            assert!(ring.withdraw(slot, |first, extra| extra <= first));
            assert_eq!(ring.sums(slot), (1, 1));
        }
    }

    #[test]
    fn extra_attempts_of_a_thread_that_is_ahead_count() {
        let ring = Ring::new();
        ring.deposit(5);
        assert!(ring.withdraw(7, |first, extra| extra <= first));
        assert_eq!(ring.sums(5), (1, 1));
        assert!(!ring.withdraw(5, |first, extra| extra <= first));
        assert_eq!(ring.sums(7), (1, 1), "a refusal leaves nothing behind");
    }

    #[test]
    fn full_field_takes_no_more() {
        let ring = Ring::new();
        ring.cells[0].fetch_add((FIRST_MASK - MARGIN) << EXTRA_BITS, Relaxed);
        ring.cells[0].fetch_add(EXTRA_MASK - MARGIN, Relaxed);
        ring.deposit(0);
        assert!(!ring.withdraw(0, |_, _| true));
        assert_eq!(ring.sums(0), (FIRST_MASK - MARGIN, EXTRA_MASK - MARGIN));
    }
}

/// Every interleaving of two threads, as a model checker finds them; see `breaker` for how to run.
#[cfg(all(test, rzero_loom))]
mod models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Threads that withdraw in their slots race for what a window with room for `room` gives.
    fn granted(slots: [u64; 2], room: u64) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let ring = Arc::new(Ring::new());
            let threads = slots.map(|slot| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || u64::from(ring.withdraw(slot, |_, extra| extra <= room)))
            });
            let granted: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
            assert!(granted <= room);
            assert_eq!(
                ring.sums(slots[1]).1,
                granted,
                "refusals leave nothing behind"
            );
        });
    }

    #[test]
    fn last_extra_attempt_is_given_once_in_a_slot() {
        granted([1, 1], 1);
    }

    #[test]
    fn last_extra_attempt_is_given_once_over_two_slots() {
        granted([1, 2], 1);
    }

    #[test]
    fn room_for_two_may_be_used_by_both() {
        granted([1, 2], 2);
    }
}
