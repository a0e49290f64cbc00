//! Background parts of a server.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rzero_core::{BoxFuture, Error, Result, Stop, Task, Tasks};
use tokio::time::timeout;

/// What is left to a part that is cut.
pub(super) const LAST_MOMENT: Duration = Duration::from_millis(100);

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

    /// Starts it, as the one task of an owner of its own, because it is stopped on its own.
    fn start(self, tasks: &Tasks) -> Running {
        let owner = tasks.group();
        let task = owner.spawn(self.name, (self.work)(owner.stopping()));
        Running {
            name: self.name,
            owner,
            task: Some(task),
        }
    }
}

struct Running {
    name: &'static str,
    owner: Tasks,
    /// `None` once its end is known.
    task: Option<Task<Result<()>>>,
}

impl Running {
    /// How it ended; pending while it runs and when that is known already.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(task) = &mut self.task else {
            return Poll::Pending;
        };
        let Poll::Ready(end) = Pin::new(task).poll(cx) else {
            return Poll::Pending;
        };
        self.task = None;
        let end = end.and_then(|end| end);
        if let Err(error) = &end {
            tracing::error!(part = self.name, %error, "a background part failed; leaving");
        }
        Poll::Ready(end)
    }

    /// Waits for its end.
    async fn end(&mut self) {
        if self.task.is_some() {
            // A failure was told; the server leaves already.
            let _ = poll_fn(|cx| self.poll_end(cx)).await;
        }
    }
}

/// The parts that run, in the order in which they started.
pub(crate) struct Parts(Vec<Running>);

impl Parts {
    pub(crate) fn start(parts: Vec<Part>, tasks: &Tasks) -> Self {
        Self(parts.into_iter().map(|part| part.start(tasks)).collect())
    }

    /// The first failure; pending while all is well.
    pub(crate) async fn failed(&mut self) -> Error {
        poll_fn(|cx| {
            for part in &mut self.0 {
                if let Poll::Ready(Err(error)) = part.poll_end(cx) {
                    return Poll::Ready(error);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Stops the parts, the last one first.
    pub(crate) async fn stop(&mut self) {
        while let Some(part) = self.0.last_mut() {
            part.owner.ask();
            part.end().await;
            self.0.pop();
        }
    }

    /// Aborts what still runs and says what it was. Parts that were never told to stop, because a
    /// later one hung, get a moment for it.
    pub(crate) async fn cut(&mut self) -> Vec<&'static str> {
        self.0.iter().for_each(|part| part.owner.ask());
        let _ = timeout(LAST_MOMENT, async {
            for part in &mut self.0 {
                part.end().await;
            }
        })
        .await;
        // The end of their owners cuts them.
        let cut = self.0.drain(..).filter(|part| part.task.is_some());
        cut.map(|part| part.name).collect()
    }
}
