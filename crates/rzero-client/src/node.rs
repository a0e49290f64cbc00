//! One instance of the target: dials it, off the call path, for as long as it is known.

use std::sync::Arc;
use std::time::Duration;

use rzero_balance::NodeStats;
use rzero_core::{Address, Connection, Dial, Error};
use rzero_registry::{Instance, InstanceId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;

/// A connection that lived this long was a success; one that ends sooner counts as a failed dial,
/// or a peer that takes connections only to drop them would be dialed in a storm.
const STEADY: Duration = Duration::from_secs(1);

/// What a node is doing.
#[derive(Clone)]
pub(crate) enum State {
    /// A dial is under way; nothing has failed since the last success.
    Connecting,
    /// It takes calls.
    Ready(Arc<dyn Connection>),
    /// The last dial failed.
    BackOff,
}

impl State {
    /// The name shown to operators.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready(_) => "ready",
            Self::BackOff => "backoff",
        }
    }
}

/// A change of a node's state.
pub(crate) struct Event {
    pub(crate) id: InstanceId,
    pub(crate) address: Address,
    pub(crate) state: State,
}

/// A known instance with the task that keeps it connected.
pub(crate) struct Node {
    pub(crate) instance: Arc<Instance>,
    pub(crate) address: Address,
    pub(crate) stats: Arc<NodeStats>,
    pub(crate) state: State,
    task: JoinHandle<()>,
}

impl Node {
    pub(crate) fn start(
        instance: Arc<Instance>,
        address: Address,
        dial: Arc<dyn Dial>,
        connect_timeout: Duration,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let keeper = Keeper {
            id: instance.id.clone(),
            address: address.clone(),
            dial,
            connect_timeout,
            events,
        };
        let task = tokio::spawn(keeper.run());
        let stats = Arc::new(NodeStats::new(Instant::now()));
        Self {
            instance,
            address,
            stats,
            state: State::Connecting,
            task,
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
        if let State::Ready(connection) = &self.state {
            connection.drain();
        }
    }
}

struct Keeper {
    id: InstanceId,
    address: Address,
    dial: Arc<dyn Dial>,
    connect_timeout: Duration,
    events: mpsc::Sender<Event>,
}

impl Keeper {
    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            match self.dial.dial(&self.address, self.patience()).await {
                Ok(connection) => {
                    let since = Instant::now();
                    tracing::debug!(address = %self.address, "connected");
                    if !self.tell(State::Ready(Arc::clone(&connection))).await {
                        return;
                    }
                    let why = connection.gone().await;
                    tracing::debug!(address = %self.address, ?why, "connection gone");
                    drop(connection);
                    if since.elapsed() >= STEADY {
                        // The next dial begins at once: most lost connections come back.
                        backoff.reset();
                        if !self.tell(State::Connecting).await {
                            return;
                        }
                    } else if !self.pause(&mut backoff).await {
                        return;
                    }
                }
                Err(error) => {
                    self.complain(&error, backoff.is_fresh());
                    if !self.pause(&mut backoff).await {
                        return;
                    }
                }
            }
        }
    }

    fn patience(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.connect_timeout)
            .unwrap_or(now + Duration::from_secs(86_400))
    }

    /// Tells that the next dial has to wait, and waits.
    async fn pause(&self, backoff: &mut Backoff) -> bool {
        let told = self.tell(State::BackOff).await;
        sleep(backoff.next()).await;
        told
    }

    /// The first failure of a row is worth a warning, the rest are not.
    fn complain(&self, error: &Error, first: bool) {
        if first {
            tracing::warn!(address = %self.address, %error, "cannot connect, trying again");
        } else {
            tracing::debug!(address = %self.address, %error, "cannot connect, trying again");
        }
    }

    async fn tell(&self, state: State) -> bool {
        let event = Event {
            id: self.id.clone(),
            address: self.address.clone(),
            state,
        };
        self.events.send(event).await.is_ok()
    }
}
