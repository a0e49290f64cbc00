//! The primitives of the lock-free parts, which a model checker replaces in its runs:
//!
//! ```text
//! RUSTFLAGS="--cfg rzero_loom" cargo test -p rzero-resilience --lib --target-dir target/loom models
//! ```
//!
//! The flag is not `loom` because the runtime would then replace its own primitives too.

#[cfg(not(rzero_loom))]
pub(super) use std::sync::{
    Mutex, MutexGuard, TryLockError,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

#[cfg(rzero_loom)]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(rzero_loom)]
pub(super) use std::sync::TryLockError;

/// A value alone on its cache line, or pair of lines where the processor fetches two: what one
/// thread writes there does not slow down readers of its neighbours.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Line<T>(pub(super) T);

/// The lock, if nobody holds it. A panic under it left whole values behind, since nothing that can
/// panic is called there.
pub(super) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The lock, waited for: never on the path of a call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
