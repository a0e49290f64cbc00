//! What travels with the work: the context of the call that a task works for.

use std::cell::OnceCell;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use crate::{Lane, TraceContext};

/// How long a shielded section may run when no server bounds it.
const SHIELD_DEFAULT: Duration = Duration::from_secs(30);

/// The context of the call that a task works for; by value, at most 128 bytes.
///
/// Handlers run inside it. [`spawn`] and [`spawn_blocking`] carry it on; queues carry it beside
/// the item; plain `tokio::spawn` detaches from it.
#[derive(Clone, Debug, Default)]
pub struct Ambient {
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// The lane of the call.
    pub lane: Lane,
    /// The trace of the call.
    pub trace: Option<TraceContext>,
    /// Who calls, `service@version`.
    pub caller: Option<Arc<str>>,
    /// The caller's idempotency key.
    pub idempotency_key: Option<Arc<str>>,
    /// Sections that outlive a cancelled call.
    pub shields: Option<Arc<Shields>>,
    /// Retry number of the call; 1 or more switches retries off below.
    pub attempt: u8,
    /// Whether this is shadow traffic, which must not change state.
    pub shadow: bool,
}

struct Current {
    ambient: Ambient,
    tasks: Tasks,
}

enum Tasks {
    Root(OnceCell<Arc<CallScope>>),
    Child(Weak<CallScope>),
}

tokio::task_local! {
    static CURRENT: Current;
}

impl Ambient {
    /// The context of this task; the default one outside of a call.
    #[must_use]
    pub fn current() -> Self {
        CURRENT
            .try_with(|current| current.ambient.clone())
            .unwrap_or_default()
    }

    /// Looks at the context of this task without cloning it; `None` outside of a call.
    pub fn with<R>(look: impl FnOnce(&Ambient) -> R) -> Option<R> {
        CURRENT.try_with(|current| look(&current.ambient)).ok()
    }
}

/// Tasks that end with their call.
#[derive(Debug, Default)]
pub struct CallScope(Mutex<Vec<AbortHandle>>);

impl CallScope {
    fn add(&self, task: AbortHandle) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Ended tasks leave whenever the list would grow, so it stays within twice what runs.
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task);
    }
}

impl Drop for CallScope {
    fn drop(&mut self) {
        let tasks = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Runs `work` for the call that `ambient` describes. Tasks that it [`spawn`]s end with it.
pub async fn scope<F: Future>(ambient: Ambient, work: F) -> F::Output {
    CURRENT
        .scope(
            Current {
                ambient,
                tasks: Tasks::Root(OnceCell::new()),
            },
            work,
        )
        .await
}

fn owner(current: &Current) -> Weak<CallScope> {
    match &current.tasks {
        Tasks::Root(cell) => Arc::downgrade(cell.get_or_init(Arc::default)),
        Tasks::Child(owner) => Weak::clone(owner),
    }
}

/// Spawns a task that carries the context of this call and is cancelled when the call ends.
///
/// Outside of a call it is a plain task.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Ok((ambient, owner)) = CURRENT.try_with(|c| (c.ambient.clone(), owner(c))) else {
        return tokio::spawn(work);
    };
    let current = Current {
        ambient,
        tasks: Tasks::Child(Weak::clone(&owner)),
    };
    let task = tokio::spawn(CURRENT.scope(current, work));
    match owner.upgrade() {
        Some(scope) => scope.add(task.abort_handle()),
        None => task.abort(),
    }
    task
}

/// The same work, carrying the context of this call wherever it is polled.
pub(crate) fn carry<F>(work: F) -> impl Future<Output = F::Output> + Send + 'static
where
    F: Future + Send + 'static,
{
    let current = CURRENT.try_with(|c| Current {
        ambient: c.ambient.clone(),
        tasks: Tasks::Child(owner(c)),
    });
    async move {
        match current {
            Ok(current) => CURRENT.scope(current, work).await,
            Err(_) => work.await,
        }
    }
}

/// Runs blocking work on tokio's blocking threads with the context of this call.
///
/// A blocking section cannot be cancelled: it runs to its end.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let Ok((ambient, owner)) = CURRENT.try_with(|c| (c.ambient.clone(), owner(c))) else {
        return tokio::task::spawn_blocking(work);
    };
    let current = Current {
        ambient,
        tasks: Tasks::Child(owner),
    };
    tokio::task::spawn_blocking(move || CURRENT.sync_scope(current, work))
}

/// Finishes `work` in a task of its own even when the call is cancelled, bounded by the drain
/// budget of the server (30 s outside of one).
///
/// # Errors
/// When the bound is reached or the work panics.
///
/// # Cancel safety
/// Dropping the future does not stop the work; only its result is lost.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn shield<F>(work: F) -> Result<F::Output, crate::Error>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut ambient = Ambient::current();
    ambient.deadline = None;
    let shields = ambient.shields.clone();
    let budget = shields.as_ref().map_or(SHIELD_DEFAULT, |s| s.budget);
    let permit = shields.map(|s| s.enter());
    let task = tokio::spawn(async move {
        let _permit = permit;
        tokio::time::timeout(budget, scope(ambient, work)).await
    });
    match task.await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(_)) => Err(crate::Error::deadline_exceeded(format!(
            "a shielded section ran longer than the drain budget of {budget:?}"
        ))),
        Err(_) => Err(crate::Error::internal("a shielded section panicked")),
    }
}

/// Counts the shielded sections of a server, which its drain waits for.
#[derive(Debug)]
pub struct Shields {
    open: watch::Sender<usize>,
    budget: Duration,
}

impl Shields {
    /// No section is open; each may run for `budget`.
    #[must_use]
    pub fn new(budget: Duration) -> Arc<Self> {
        Arc::new(Self {
            open: watch::Sender::new(0),
            budget,
        })
    }

    /// Sections that are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until no section is open.
    ///
    /// # Cancel safety
    /// Safe: nothing is consumed.
    pub async fn all_closed(&self) {
        // We hold the sender, so it cannot be gone.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    fn enter(self: Arc<Self>) -> ShieldPermit {
        self.open.send_modify(|open| *open += 1);
        ShieldPermit(self)
    }
}

struct ShieldPermit(Arc<Shields>);

impl Drop for ShieldPermit {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn gray() -> Ambient {
        Ambient {
            lane: "gray".parse().unwrap(),
            ..Ambient::default()
        }
    }

    #[test]
    fn ambient_fits_in_128_bytes() {
        assert!(size_of::<Ambient>() <= 128, "{}", size_of::<Ambient>());
    }

    #[tokio::test]
    async fn spawned_work_sees_the_call() {
        let lane = scope(gray(), async {
            let nested = spawn(async { spawn(async { Ambient::current().lane }).await.unwrap() });
            let blocking = spawn_blocking(|| Ambient::current().lane);
            assert_eq!(blocking.await.unwrap().as_str(), "gray");
            nested.await.unwrap()
        });
        assert_eq!(lane.await.as_str(), "gray");
        assert!(Ambient::current().lane.is_base());
    }

    #[tokio::test]
    async fn spawned_work_ends_with_the_call() {
        let (tx, rx) = oneshot::channel::<()>();
        scope(gray(), async {
            spawn(async move {
                spawn(async move {
                    let _held = tx;
                    std::future::pending::<()>().await;
                });
                std::future::pending::<()>().await;
            });
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        })
        .await;
        // The sender is dropped without a value when the grandchild is cancelled.
        assert!(rx.await.is_err());
    }

    #[tokio::test]
    async fn shielded_work_outlives_a_cancelled_call() {
        let shields = Shields::new(Duration::from_secs(5));
        let (go, wait) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel::<&str>();
        let ambient = Ambient {
            shields: Some(Arc::clone(&shields)),
            ..gray()
        };
        let call = tokio::spawn(scope(ambient, async {
            shield(async {
                wait.await.unwrap();
                done.send("committed").unwrap();
            })
            .await
        }));
        while shields.open() == 0 {
            tokio::task::yield_now().await;
        }
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        assert_eq!(finished.await.unwrap(), "committed");
        shields.all_closed().await;
    }

    #[tokio::test(start_paused = true)]
    async fn shielded_work_is_bounded() {
        let error = shield(std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(error.class(), crate::Class::DeadlineExceeded);
    }
}
