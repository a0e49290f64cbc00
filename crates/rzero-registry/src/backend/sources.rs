//! Tasks that run while somebody watches.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{KeeperConfig, Publisher};
use crate::{ServiceName, Snapshot, Watch};

/// One task for each service that is watched, however many watch it. It is aborted when the last
/// [`Watch`] is dropped.
pub struct Sources {
    config: KeeperConfig,
    running: Mutex<HashMap<ServiceName, Weak<Source>>>,
}

struct Source {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    task: AbortHandle,
}

impl Sources {
    /// No tasks yet.
    #[must_use]
    pub fn new(config: KeeperConfig) -> Self {
        Self {
            config,
            running: Mutex::new(HashMap::new()),
        }
    }

    /// A watch of `service`, fed by the task that runs for it already or by a new one, which
    /// `start` makes. The task should end only when there will never be news again.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn watch<F>(&self, service: &ServiceName, start: impl FnOnce(Publisher) -> F) -> Watch
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = running.get(service).and_then(Weak::upgrade)
            && !source.task.is_finished()
        {
            return source.reader();
        }
        running.retain(|_, source| source.strong_count() > 0);
        let (publisher, snapshots) = Publisher::new(self.config);
        let task = tokio::spawn(start(publisher)).abort_handle();
        let source = Arc::new(Source { snapshots, task });
        running.insert(service.clone(), Arc::downgrade(&source));
        source.reader()
    }
}

impl Source {
    fn reader(self: Arc<Self>) -> Watch {
        let snapshots = self.snapshots.clone();
        Watch::new(snapshots, Some(self as Arc<dyn Any + Send + Sync>))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn readers_share_one_task_and_the_last_ends_it() {
        let sources = Sources::new(KeeperConfig::default());
        let service: ServiceName = "s".parse().unwrap();
        let (alive, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        let first = sources.watch(&service, |mut publisher| async move {
            let _alive = alive;
            publisher.observe([]);
            pending().await
        });
        let mut second = sources.watch(&service, |_| async { panic!("a task runs already") });
        while !second.current().status.is_known() {
            assert!(second.changed().await);
        }
        drop(first);
        assert!(
            ended
                .try_recv()
                .is_err_and(|e| e == tokio::sync::mpsc::error::TryRecvError::Empty)
        );
        drop(second);
        assert_eq!(ended.recv().await, None, "the task was aborted");
    }
}
