//! Background parts of a server.

use std::future::Future;
use std::time::Duration;

use rzero_core::{BoxFuture, Error, Phase, Result, Shutdown, Stop, recover};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is left to a part that is cut.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// A part that has not started.
pub(crate) struct Part {
    name: &'static str,
    work: Box<dyn FnOnce(Stop) -> BoxFuture<'static, Result<()>> + Send>,
}

impl Part {
    pub(crate) fn new<F, W>(name: &'static str, work: F) -> Self
    where
        F: FnOnce(Stop) -> W + Send + 'static,
        W: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name,
            work: Box::new(|stop| Box::pin(work(stop))),
        }
    }
}

struct Running {
    name: &'static str,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

/// The parts that run, in the order in which they started.
pub(crate) struct Parts {
    running: Vec<Running>,
    failures: mpsc::Receiver<Error>,
}

impl Parts {
    pub(crate) fn start(parts: Vec<Part>) -> Self {
        // One place for each part: a failure is never lost and no sender ever waits.
        let (failed, failures) = mpsc::channel(parts.len().max(1));
        let start = |part: Part| {
            let shutdown = Shutdown::new();
            let (work, name, failed) = ((part.work)(shutdown.stop()), part.name, failed.clone());
            let task = tokio::spawn(async move {
                if let Err(error) = recover(work).await {
                    tracing::error!(part = name, %error, "a background part failed; leaving");
                    let _ = failed.try_send(error);
                }
            });
            Running {
                name,
                shutdown,
                task,
            }
        };
        Self {
            running: parts.into_iter().map(start).collect(),
            failures,
        }
    }

    /// The first failure; pending while all is well.
    pub(crate) async fn failed(&mut self) -> Error {
        match self.failures.recv().await {
            Some(error) => error,
            // Every part ended well: there is nothing to wait for.
            None => std::future::pending().await,
        }
    }

    /// Stops the parts, the last one first.
    pub(crate) async fn stop(&mut self) {
        while let Some(part) = self.running.last_mut() {
            part.shutdown.enter(Phase::Done);
            let _ = (&mut part.task).await;
            self.running.pop();
        }
    }

    /// Aborts what still runs and says what it was. Parts that were never told to stop, because a
    /// later one hung, get a moment for it.
    pub(crate) async fn cut(&mut self) -> Vec<&'static str> {
        self.running
            .iter()
            .for_each(|part| part.shutdown.enter(Phase::Done));
        let _ = timeout(LAST_MOMENT, async {
            for part in self
                .running
                .iter_mut()
                .filter(|part| !part.task.is_finished())
            {
                let _ = (&mut part.task).await;
            }
        })
        .await;
        self.running.retain(|part| !part.task.is_finished());
        let names = self.running.iter().map(|part| part.name).collect();
        self.running.clear();
        names
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
