//! What waits in the cells of a connection.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Changes of less than this, in bytes, are not told to the others.
const STEP_BYTES: usize = 8 << 10;

/// The bytes that wait in all cells of a connection, roughly: each cell counts in steps, so that
/// streams of small messages do not meet on one number.
#[derive(Debug)]
pub(crate) struct Outgoing {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl Outgoing {
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            bytes_max,
        }
    }

    /// Whether no cell should take more than the one message that keeps its stream going.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bytes_max
    }

    /// Whether the bound is below what waits elsewhere.
    pub(crate) fn is_below(&self, bytes: usize) -> bool {
        self.bytes_max < bytes
    }

    /// Counts that a cell of which `counted` bytes are counted holds `bytes` now.
    pub(crate) fn count(&self, counted: &mut usize, bytes: usize) {
        let now = bytes / STEP_BYTES * STEP_BYTES;
        if now > *counted {
            self.bytes.fetch_add(now - *counted, Ordering::Relaxed);
        } else if now < *counted {
            self.bytes.fetch_sub(*counted - now, Ordering::Relaxed);
        }
        *counted = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cells_hold_adds_up_and_goes_away() {
        let all = Outgoing::new(64 << 10);
        let (mut one, mut other) = (0, 0);
        all.count(&mut one, 60 << 10);
        assert!(!all.is_over());
        all.count(&mut other, 20 << 10);
        assert!(all.is_over());
        all.count(&mut one, 0);
        assert!(!all.is_over());
        all.count(&mut other, 100);
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }
}
