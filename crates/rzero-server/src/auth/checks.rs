//! Questions to somebody else, bounded in number and time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rzero_core::{Class, Error, Result};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Bounds the checks of one kind and tells when they begin to fail, and when that ends.
#[derive(Clone)]
pub(super) struct Checks(Arc<State>);

struct State {
    kind: &'static str,
    room: Arc<Semaphore>,
    limit: Duration,
    failing: AtomicBool,
}

impl Checks {
    pub(super) fn new(kind: &'static str, max: u32, limit: Duration) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self(Arc::new(State {
            kind,
            room: Arc::new(Semaphore::new(max)),
            limit,
            failing: AtomicBool::new(false),
        }))
    }

    /// Runs `check`, which is not waited for when too many run already. An error of it is told
    /// once, until one succeeds.
    pub(super) async fn run<T>(&self, check: impl Future<Output = Result<T>>) -> Result<T> {
        let Ok(_room) = self.0.room.try_acquire() else {
            return Err(self.failed(Error::overloaded("too many credentials are being checked")));
        };
        match timeout(self.0.limit, check).await {
            Ok(Ok(value)) => {
                self.succeeded();
                Ok(value)
            }
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(self.failed(Error::deadline_exceeded("the check took too long"))),
        }
    }

    /// The answer came.
    fn succeeded(&self) {
        if self.0.failing.load(Relaxed) && self.0.failing.swap(false, Relaxed) {
            tracing::info!(kind = self.0.kind, "credentials can be checked again");
        }
    }

    fn failed(&self, error: Error) -> Error {
        self.tell(&error);
        error
    }

    /// A check that could not tell of its end itself: it panicked.
    pub(super) fn died(&self, error: &Error) {
        if error.class() == Class::Internal {
            self.tell(error);
        }
    }

    /// Says that checks fail, once.
    fn tell(&self, error: &Error) {
        if !self.0.failing.swap(true, Relaxed) {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(kind = self.0.kind, %error, cause, "credentials cannot be checked");
        }
    }
}
