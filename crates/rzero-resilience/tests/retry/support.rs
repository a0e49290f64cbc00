//! What the tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rzero_core::{Class, Error};
use rzero_resilience::retry::{Budget, BudgetConfig, Policy};
use tokio::time::Instant;

/// The default policy without jitter.
pub(crate) fn exact() -> Policy {
    Policy {
        jitter: 0.0,
        ..Policy::default()
    }
}

pub(crate) fn budget() -> Budget {
    Budget::new(&BudgetConfig::default(), Instant::now())
}

pub(crate) fn lost() -> Error {
    Error::new(Class::ConnectionLost, "lost")
}

/// Counts from any task.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, SeqCst)
    }

    /// Counts while the guard lives.
    pub(crate) fn hold(&self) -> Held {
        self.add();
        Held(self.clone())
    }
}

pub(crate) struct Held(Counter);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

/// Evenly spread, the same in every run: 0 to 1.
pub(crate) fn random(n: u64) -> f64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
