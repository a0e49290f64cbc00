//! The primitives of the table of keys, which a model checker replaces in its runs:
//!
//! ```text
//! RUSTFLAGS="--cfg rzero_loom" cargo test -p rzero-resilience --lib --target-dir target/loom models
//! ```

#[cfg(rzero_loom)]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
#[cfg(not(rzero_loom))]
pub(super) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// Slots of a bucket. Two are enough for every race, and more take a model checker too long.
pub(super) const WAYS: usize = if cfg!(rzero_loom) { 2 } else { 8 };
