//! The result of a task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::{AbortHandle, JoinHandle};

use crate::{Class, Error};

/// A task of a [`Tasks`](super::Tasks), to be awaited for its result. Dropping it leaves the task
/// alone: its owner has it.
///
/// The result is an error of class `Internal` and reason `PANIC` when the task panicked, and of
/// class `Cancelled` when it was cut.
#[derive(Debug)]
#[must_use = "the result of the task is lost; `drop` it if there is none"]
pub struct Task<T>(Option<JoinHandle<Result<T, Error>>>);

impl<T> Task<T> {
    pub(super) fn new(task: JoinHandle<Result<T, Error>>) -> Self {
        Self(Some(task))
    }

    /// A task that was never started, because its owner is gone.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Cuts the task at its next await, without asking it.
    pub fn abort(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }

    pub(super) fn abort_handle(&self) -> Option<AbortHandle> {
        self.0.as_ref().map(JoinHandle::abort_handle)
    }
}

/// # Cancel safety
/// Safe: a later await gives the result.
impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let cut = || Error::new(Class::Cancelled, "the task was cut");
        let Some(task) = &mut self.0 else {
            return Poll::Ready(Err(cut()));
        };
        Poll::Ready(match ready!(Pin::new(task).poll(cx)) {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                Err(Error::internal("the task panicked while it was dropped").with_source(error))
            }
            Err(error) => Err(cut().with_source(error)),
        })
    }
}
