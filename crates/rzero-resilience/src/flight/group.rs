//! The group of flights.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rzero_core::{Ambient, Class, Error, Fixed, recover, scope};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::shared_error::copy;

static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "time ran out while waiting for shared work",
);
static GONE: Fixed = Fixed::new(
    Class::Cancelled,
    "the shared work was stopped with its runtime",
);

/// Shares work among callers with the same key.
///
/// The work runs in a task of its own, with the lane, trace and caller of who came first but
/// without a deadline: each caller waits until its own. A caller that leaves, the first one too,
/// takes nothing from the others; when the last one leaves the work is dropped. A panic is an error
/// to all. Clones are the same group.
///
/// Whatever the result depends on belongs into the key, such as the lane or the tenant.
///
/// ```
/// # use rzero_core::Error;
/// # use rzero_resilience::flight::Group;
/// # async fn load(id: u64) -> Result<String, Error> { Ok(id.to_string()) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let users: Group<u64, String> = Group::new();
/// let (a, b) = tokio::join!(
///     users.run(7, None, || load(7)),
///     users.run(7, None, || load(7)), // not loaded again
/// );
/// assert!(std::sync::Arc::ptr_eq(&a?, &b?));
/// # Ok(())
/// # }
/// ```
pub struct Group<K, V>(Arc<Shared<K, V>>);

struct Shared<K, V> {
    flights: Mutex<Flights<K, V>>,
}

struct Flights<K, V> {
    by_key: HashMap<K, Flight<V>>,
    /// Tells a flight from a later one of the same key.
    next_id: u64,
}

struct Flight<V> {
    id: u64,
    waiters: usize,
    landing: Landing<V>,
    task: AbortHandle,
}

/// Where the result appears.
type Landing<V> = watch::Receiver<Option<Landed<V>>>;
type Landed<V> = Result<Arc<V>, Arc<Error>>;

impl<K, V> Group<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A group in which nothing runs.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            flights: Mutex::new(Flights {
                by_key: HashMap::new(),
                next_id: 0,
            }),
        }))
    }

    /// The result of `work`, or of the work that runs for `key` already.
    ///
    /// # Errors
    /// What the work gives, to each caller, with the error itself as the cause. Class
    /// `DeadlineExceeded` when `deadline` passes first; the work goes on for others. Class
    /// `Internal`, reason `PANIC`, when the work panics.
    ///
    /// # Cancel safety
    /// Dropped, the future leaves the flight; the work is dropped with its last caller. Work that
    /// must not be dropped in the middle goes into [`rzero_core::shield`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn run<F, Fut>(
        &self,
        key: K,
        deadline: Option<Instant>,
        work: F,
    ) -> Result<Arc<V>, Error>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let (mut landing, _waiter) = self.board(key, work);
        let landed = landing.wait_for(Option::is_some);
        let landed = match deadline {
            None => landed.await,
            Some(at) => timeout_at(at, landed)
                .await
                .map_err(|_| Error::fixed(&LATE))?,
        };
        match landed.as_ref().map(|landed| &**landed) {
            Ok(Some(Ok(value))) => Ok(Arc::clone(value)),
            Ok(Some(Err(error))) => Err(copy(error)),
            Ok(None) | Err(_) => Err(Error::fixed(&GONE)),
        }
    }

    /// How many pieces of work run.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.flights().by_key.len()
    }

    /// Whether nothing runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Joins the flight of `key`, or starts it.
    fn board<F, Fut>(&self, key: K, work: F) -> (Landing<V>, Waiter<K, V>)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let mut flights = self.0.flights();
        if let Some(flight) = flights.by_key.get_mut(&key) {
            flight.waiters += 1;
            let landing = flight.landing.clone();
            return (landing, Waiter(self.ticket(key, flight.id)));
        }
        let id = flights.next_id;
        flights.next_id += 1;
        let (tower, landing) = watch::channel(None);
        let ticket = self.ticket(key.clone(), id);
        let task = tokio::spawn(scope(context(), async move {
            // A ticket is a guard only from here on: a runtime that ends drops the task within
            // `spawn`, under our lock.
            let entry = Entry(ticket);
            let landed = recover(async { work().await }).await;
            // Who comes from here on begins anew; who is on board gets this result.
            drop(entry);
            tower.send_replace(Some(landed.map(Arc::new).map_err(Arc::new)));
        }));
        let flight = Flight {
            id,
            waiters: 1,
            landing: landing.clone(),
            task: task.abort_handle(),
        };
        flights.by_key.insert(key.clone(), flight);
        (landing, Waiter(self.ticket(key, id)))
    }

    fn ticket(&self, key: K, id: u64) -> Ticket<K, V> {
        Ticket {
            shared: Arc::clone(&self.0),
            key,
            id,
        }
    }
}

/// The context of the first caller, without its deadline: others may have more time.
fn context() -> Ambient {
    Ambient {
        deadline: None,
        ..Ambient::current()
    }
}

impl<K, V> Shared<K, V> {
    fn flights(&self) -> MutexGuard<'_, Flights<K, V>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One flight of one group.
struct Ticket<K, V> {
    shared: Arc<Shared<K, V>>,
    key: K,
    id: u64,
}

impl<K: Hash + Eq, V> Ticket<K, V> {
    /// Takes the flight out of the group if `ready` says so.
    fn take(&self, ready: impl FnOnce(&mut Flight<V>) -> bool) -> Option<Flight<V>> {
        let mut flights = self.shared.flights();
        let flight = flights.by_key.get_mut(&self.key)?;
        match flight.id == self.id && ready(flight) {
            true => flights.by_key.remove(&self.key),
            false => None,
        }
    }
}

/// The flight is in the group as long as its work lives.
struct Entry<K: Hash + Eq, V>(Ticket<K, V>);

impl<K: Hash + Eq, V> Drop for Entry<K, V> {
    fn drop(&mut self) {
        drop(self.0.take(|_| true));
    }
}

/// A caller on board; the last one to leave stops the work.
struct Waiter<K: Hash + Eq, V>(Ticket<K, V>);

impl<K: Hash + Eq, V> Drop for Waiter<K, V> {
    fn drop(&mut self) {
        let last = self.0.take(|flight| {
            flight.waiters -= 1;
            flight.waiters == 0
        });
        // Not under the lock: what is dropped here is the user's.
        if let Some(flight) = last {
            flight.task.abort();
        }
    }
}

impl<K, V> Clone for Group<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Group<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for Group<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.0.flights().by_key.len();
        f.debug_struct("Group").field("running", &running).finish()
    }
}
