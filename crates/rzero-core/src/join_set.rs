//! A set of tasks that work for one call.

use std::future::Future;

use tokio::task::AbortHandle;

use crate::Error;
use crate::ambient::carry;

/// Tasks that carry the context of the call that spawned them: deadline, lane, trace. Dropping the
/// set cancels them.
///
/// ```
/// # async fn parts() -> Result<Vec<u32>, rzero_core::Error> {
/// let mut tasks = rzero_core::JoinSet::new();
/// for n in 0..3 {
///     tasks.spawn(async move { n * n });
/// }
/// let mut all = Vec::new();
/// while let Some(result) = tasks.join_next().await {
///     all.push(result?);
/// }
/// # Ok(all)
/// # }
/// ```
#[derive(Debug)]
pub struct JoinSet<T>(tokio::task::JoinSet<T>);

impl<T: Send + 'static> JoinSet<T> {
    /// A set without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self(tokio::task::JoinSet::new())
    }

    /// Spawns a task of the set.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn(&mut self, work: impl Future<Output = T> + Send + 'static) -> AbortHandle {
        self.0.spawn(carry(work))
    }

    /// Waits for the next task to end; `None` when the set is empty.
    ///
    /// # Errors
    /// When the task panicked (class `Internal`) or was aborted (class `Cancelled`).
    ///
    /// # Cancel safety
    /// No result is lost when the future is dropped.
    pub async fn join_next(&mut self) -> Option<Result<T, Error>> {
        let ended = self.0.join_next().await?;
        Some(ended.map_err(|error| {
            let class = match error.is_panic() {
                true => crate::Class::Internal,
                false => crate::Class::Cancelled,
            };
            Error::new(class, "a task of the call did not end well").with_source(error)
        }))
    }

    /// Number of tasks whose results were not taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no task.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cancels all tasks.
    pub fn abort_all(&mut self) {
        self.0.abort_all();
    }
}

impl<T: Send + 'static> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambient, Class, scope};

    #[tokio::test]
    async fn tasks_carry_the_context_of_the_call() {
        let ambient = Ambient {
            lane: "gray".parse().unwrap(),
            ..Ambient::default()
        };
        let lane = scope(ambient, async {
            let mut tasks = JoinSet::new();
            tasks.spawn(async { Ambient::current().lane });
            tasks.join_next().await.unwrap().unwrap()
        });
        assert_eq!(lane.await.as_str(), "gray");
    }

    #[tokio::test]
    async fn panics_and_aborts_are_told_apart() {
        let mut tasks: JoinSet<()> = JoinSet::new();
        tasks.spawn(async { panic!("a bug") });
        assert_eq!(
            tasks.join_next().await.unwrap().unwrap_err().class(),
            Class::Internal
        );
        tasks.spawn(std::future::pending());
        tasks.abort_all();
        assert_eq!(
            tasks.join_next().await.unwrap().unwrap_err().class(),
            Class::Cancelled
        );
        assert!(tasks.join_next().await.is_none() && tasks.is_empty());
    }
}
