//! The owner of tasks.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::counts::{Counts, Names, RunningTask, TaskStats};
use super::handle::Task;
use super::restart::{Restart, keep_running};
use crate::{Error, Phase, Shutdown, Stop, recover};

/// Time that tasks which are cut have to end.
const CUT: Duration = Duration::from_millis(100);

/// Owns tasks: each has a name, is counted under it, and ends at the latest with its owner.
///
/// Clones are the same owner. When the last one is dropped its tasks are cut, so a task that holds
/// a clone (to start others) has to listen to [`stopping`](Tasks::stopping).
///
/// ```
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use rzero_core::{Phase, Tasks};
///
/// let tasks = Tasks::new();
/// let stop = tasks.stopping();
/// drop(tasks.spawn("flusher", async move {
///     stop.reached(Phase::Done).await;
///     // … writes what is left
/// }));
/// assert_eq!(tasks.snapshot()[0].alive, 1);
/// assert!(!tasks.stop(Duration::from_secs(5)).await.cut());
/// assert_eq!(tasks.snapshot()[0].alive, 0);
/// # }
/// ```
#[derive(Clone)]
pub struct Tasks(Arc<Owner>);

/// How tasks ended that were stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Names of the tasks that did not end in time and were cut, one for each task, sorted.
    pub tasks: Vec<&'static str>,
    /// Those among them that still did not end: they block their thread.
    pub stuck: Vec<&'static str>,
}

impl Stopped {
    /// Whether anything was cut.
    #[must_use]
    pub fn cut(&self) -> bool {
        !self.tasks.is_empty()
    }
}

/// Tasks hold [`Shared`] and not this, so that its end is theirs.
struct Owner(Arc<Shared>);

struct Shared {
    names: Arc<Names>,
    shutdown: Shutdown,
    /// How many run; tells those that wait for the end.
    alive: watch::Sender<usize>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    tasks: HashMap<u64, Entry>,
    next_id: u64,
    /// Nothing is started any more.
    closed: bool,
}

struct Entry {
    task: RunningTask,
    /// `None` while it is being started.
    abort: Option<AbortHandle>,
}

impl Tasks {
    /// An owner without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::counted_in(Arc::default())
    }

    /// Another owner, whose tasks are counted with these but stopped on their own: what is stopped
    /// in an order needs an owner for each step.
    #[must_use]
    pub fn group(&self) -> Self {
        Self::counted_in(Arc::clone(&self.shared().names))
    }

    fn counted_in(names: Arc<Names>) -> Self {
        Self(Arc::new(Owner(Arc::new(Shared {
            names,
            shutdown: Shutdown::new(),
            alive: watch::Sender::new(0),
            running: Mutex::default(),
        }))))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// Starts a task. It does not carry the context of a call, because it outlives the call.
    ///
    /// A panic is caught, counted and logged as an error with the name. Names are few and fixed:
    /// they become labels of metrics. After [`stop`](Tasks::stop) has cut what was left nothing is
    /// started any more: `work` is dropped and the result is an error of class `Cancelled`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn<F>(&self, name: &'static str, work: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Some(guard) = self.shared().admit(name) else {
            return Task::none();
        };
        let id = guard.id;
        let work = async move {
            let result = recover(async { Ok(work.await) }).await;
            if let Err(error) = &result {
                guard.counts.panics.fetch_add(1, Relaxed);
                panicked(name, error);
            }
            result
        };
        // Not under the lock: a runtime that ends drops the work, and its guard, at once.
        let task = Task::new(tokio::spawn(work));
        self.shared().started(id, task.abort_handle());
        task
    }

    /// Starts a task that is started again when it fails or panics, as `policy` says; when it ends
    /// well, or is asked to stop, it stays ended.
    ///
    /// `work` makes its future, and is given the signal to stop. The result is that of the last
    /// run: an error says that the task failed more often than the policy allows, which is logged.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn_restarting<F, W>(
        &self,
        name: &'static str,
        policy: Restart,
        work: F,
    ) -> Task<Result<(), Error>>
    where
        F: FnMut(Stop) -> W + Send + 'static,
        W: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let counts = self.shared().names.of(name);
        self.spawn(
            name,
            keep_running(name, policy, work, self.stopping(), counts),
        )
    }

    /// The signal to stop, for tasks: [`stop`](Tasks::stop) lets it reach [`Phase::Done`], and so
    /// does the end of the owner.
    #[must_use]
    pub fn stopping(&self) -> Stop {
        self.shared().shutdown.stop()
    }

    /// Asks all tasks to stop, and returns at once.
    pub fn ask(&self) {
        self.shared().shutdown.enter(Phase::Done);
    }

    /// Asks all tasks to stop, waits for at most `limit`, cuts those that still run and says which
    /// they were.
    ///
    /// # Cancel safety
    /// Dropped, the tasks were asked and go on; call it again.
    pub async fn stop(&self, limit: Duration) -> Stopped {
        self.ask();
        let _ = timeout(limit, self.ended()).await;
        self.cut().await
    }

    /// Waits until no task runs.
    ///
    /// # Cancel safety
    /// Safe: nothing is consumed.
    pub async fn ended(&self) {
        // We hold the sender, so it cannot be gone.
        let _ = self.shared().alive.subscribe().wait_for(|n| *n == 0).await;
    }

    /// Cuts the tasks that run, without asking them, and says which they were.
    ///
    /// # Cancel safety
    /// Dropped, the tasks were cut all the same.
    pub async fn cut(&self) -> Stopped {
        let tasks = self.shared().abort();
        let _ = timeout(CUT, self.ended()).await;
        let mut stuck: Vec<_> = self.running().iter().map(|task| task.name).collect();
        stuck.sort_unstable();
        Stopped { tasks, stuck }
    }

    /// The counts of every name that was ever used, sorted by name; those of groups included.
    #[must_use]
    pub fn snapshot(&self) -> Vec<TaskStats> {
        self.shared().names.snapshot()
    }

    /// The tasks that run, the oldest first.
    #[must_use]
    pub fn running(&self) -> Vec<RunningTask> {
        let running = self.shared().running();
        let mut tasks: Vec<_> = running.tasks.iter().collect();
        tasks.sort_unstable_by_key(|(id, _)| **id);
        tasks.into_iter().map(|(_, entry)| entry.task).collect()
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a task that is about to start.
    fn admit(self: &Arc<Self>, name: &'static str) -> Option<Guard> {
        let counts = self.names.of(name);
        let mut running = self.running();
        if running.closed {
            return None;
        }
        let id = running.next_id;
        running.next_id += 1;
        let task = RunningTask {
            name,
            since: Instant::now(),
        };
        running.tasks.insert(id, Entry { task, abort: None });
        drop(running);
        counts.started.fetch_add(1, Relaxed);
        counts.alive.fetch_add(1, Relaxed);
        self.alive.send_modify(|alive| *alive += 1);
        Some(Guard {
            shared: Arc::clone(self),
            counts,
            id,
        })
    }

    /// The task runs; it may have ended already, or been cut while it was started.
    fn started(&self, id: u64, abort: Option<AbortHandle>) {
        let mut running = self.running();
        let closed = running.closed;
        if let (Some(entry), Some(abort)) = (running.tasks.get_mut(&id), abort) {
            if closed {
                abort.abort();
            }
            entry.abort = Some(abort);
        }
    }

    /// Aborts everything and says what it was.
    fn abort(&self) -> Vec<&'static str> {
        let mut running = self.running();
        running.closed = true;
        let mut names = Vec::new();
        let mut aborts = Vec::new();
        for entry in running.tasks.values() {
            names.push(entry.task.name);
            aborts.extend(entry.abort.clone());
        }
        // Not under the lock: what is dropped takes it.
        drop(running);
        for name in &names {
            self.names.of(name).cut.fetch_add(1, Relaxed);
        }
        aborts.iter().for_each(AbortHandle::abort);
        names.sort_unstable();
        names
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shutdown.enter(Phase::Done);
        self.0.abort();
    }
}

/// A task is counted as long as this lives, whichever way it ends.
struct Guard {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let entry = self.shared.running().tasks.remove(&self.id);
        drop(entry);
        self.counts.alive.fetch_sub(1, Relaxed);
        self.shared.alive.send_modify(|alive| *alive -= 1);
    }
}

/// A panic is never silent.
pub(super) fn panicked(name: &'static str, error: &Error) {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    tracing::error!(task = name, cause, "a task panicked");
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.shared().running().tasks.len();
        f.debug_struct("Tasks").field("running", &running).finish()
    }
}
