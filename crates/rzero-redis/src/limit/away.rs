//! Whether Redis is away, and when it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};

/// How many good answers in a row make it back.
const GOOD: u8 = 3;
/// The pause between two questions, give or take a fifth.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// Whether Redis is away. While it is, somebody watches for its return.
#[derive(Debug, Default)]
pub(super) struct Away {
    now: AtomicBool,
    watcher: Mutex<Option<AbortHandle>>,
}

impl Away {
    pub(super) fn is_now(&self) -> bool {
        self.now.load(Ordering::Acquire)
    }

    /// Redis failed: from now on it is away. Whoever says so first sets up the watch, after
    /// `prepare`.
    pub(super) fn begin(&self, prepare: impl FnOnce(), watch: impl FnOnce() -> JoinHandle<()>) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_now() {
            return;
        }
        prepare();
        self.now.store(true, Ordering::Release);
        *watcher = Some(watch().abort_handle());
    }

    pub(super) fn end(&self) {
        self.now.store(false, Ordering::Release);
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let watcher = self
            .watcher
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(watcher) = watcher {
            watcher.abort();
        }
    }
}

/// Counts answers to questions whether it is back.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    good: u8,
}

impl Recovery {
    /// Notes an answer, or that there was none; tells whether it is back.
    pub(super) fn heard(&mut self, good: bool) -> bool {
        self.good = if good { self.good + 1 } else { 0 };
        self.good >= GOOD
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_back_after_three_good_answers_in_a_row(answers: Vec<bool>) {
            let mut recovery = Recovery::default();
            let back = answers.iter().position(|good| recovery.heard(*good));
            let expected = answers.windows(3).position(|three| three == [true; 3]);
            prop_assert_eq!(back, expected.map(|at| at + 2));
        }
    }
}
