//! Forced passes: how a breaker that rejects finds out that the callee is back.

use super::sync::{AtomicU32, AtomicU64, Ordering};

/// More doublings than this leave no time between forced passes.
const DOUBLINGS_MAX: u32 = 32;
/// So many successes in a row, with neither a failure nor a rejection between them, end it.
const RECOVERED: u32 = 10;

/// Lets one call pass every so often, twice as often after each success, and at the first rate
/// again after a failure.
///
/// Only counts and a time: a pass that never ends holds nothing up.
#[derive(Debug, Default)]
pub(super) struct Ramp {
    stamped_ns: AtomicU64,
    doublings: AtomicU32,
    /// Successes since the last failure or rejection.
    clean: AtomicU32,
}

impl Ramp {
    /// The breaker begins to reject.
    pub(super) fn begin(&self, now_ns: u64) {
        self.stamped_ns.store(now_ns, Ordering::Relaxed);
        self.failed();
    }

    /// Whether a pass is due, which is then taken.
    pub(super) fn takes(&self, now_ns: u64, every_ns: u64) -> bool {
        let every_ns = every_ns >> self.doublings();
        let last = self.stamped_ns.load(Ordering::Relaxed);
        // Of threads that come at once, one takes the pass; when it is due all the time, all do.
        now_ns.saturating_sub(last) >= every_ns
            && (self
                .stamped_ns
                .compare_exchange(last, now_ns, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
                || every_ns == 0)
    }

    /// A call passed by chance: the next forced pass can wait.
    pub(super) fn passed(&self, now_ns: u64) {
        self.stamped_ns.fetch_max(now_ns, Ordering::Relaxed);
    }

    /// A call was rejected.
    pub(super) fn rejected(&self) {
        if self.clean.load(Ordering::Relaxed) != 0 {
            self.clean.store(0, Ordering::Relaxed);
        }
    }

    /// A call failed.
    pub(super) fn failed(&self) {
        self.doublings.store(0, Ordering::Relaxed);
        self.clean.store(0, Ordering::Relaxed);
    }

    /// A call succeeded; `true` when the callee is back.
    pub(super) fn succeeded(&self) -> bool {
        if self.doublings.load(Ordering::Relaxed) < DOUBLINGS_MAX {
            self.doublings.fetch_add(1, Ordering::Relaxed);
        }
        self.clean.fetch_add(1, Ordering::Relaxed) + 1 >= RECOVERED
    }

    /// The rate of forced passes is 2 to this power times the first one.
    pub(super) fn doublings(&self) -> u32 {
        // Racing successes may have counted further.
        self.doublings.load(Ordering::Relaxed).min(DOUBLINGS_MAX)
    }
}

#[cfg(all(test, not(rzero_loom)))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_pass_is_due_after_the_first_interval_and_taken_once() {
        let ramp = Ramp::default();
        ramp.begin(SECOND);
        assert!(!ramp.takes(2 * SECOND - 1, SECOND));
        assert!(ramp.takes(2 * SECOND, SECOND));
        assert!(!ramp.takes(2 * SECOND, SECOND));
    }

    #[test]
    fn a_success_halves_the_interval_and_a_failure_restores_it() {
        let ramp = Ramp::default();
        ramp.succeeded();
        ramp.succeeded();
        assert!(!ramp.takes(SECOND / 4 - 1, SECOND));
        assert!(ramp.takes(SECOND / 4, SECOND));
        ramp.failed();
        assert!(!ramp.takes(SECOND / 2, SECOND));
    }

    #[test]
    fn ten_successes_in_a_row_end_it() {
        let ramp = Ramp::default();
        let successes = |n: u32| (0..n).map(|_| ramp.succeeded()).last().unwrap();
        assert!(!successes(9));
        ramp.rejected();
        assert!(!successes(9));
        ramp.failed();
        assert!(!successes(9));
        assert!(successes(1));
    }

    #[test]
    fn many_doublings_let_everything_pass() {
        let ramp = Ramp::default();
        for _ in 0..100 {
            ramp.succeeded();
        }
        assert!(ramp.takes(7, SECOND));
        assert!(ramp.takes(7, SECOND));
    }
}
