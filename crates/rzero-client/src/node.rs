//! One instance of the target: dials it, off the call path, for as long as it is known.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rzero_balance::{NodeStats, Standing};
use rzero_core::{Address, Connection, Dial, Error, Outcome};
use rzero_registry::{Instance, InstanceId};
use rzero_resilience::retry::CancelCap;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::governance::Lookout;
use crate::shared::Known;
use crate::snapshot::Ready;

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

/// Something happened to a node.
pub(crate) struct Event {
    pub(crate) id: InstanceId,
    pub(crate) address: Address,
    pub(crate) change: Change,
}

/// What happened to a node.
pub(crate) enum Change {
    /// It is in another state.
    State(State),
    /// A probe of it has ended.
    Probed(Outcome),
}

/// Where a node stands in the subset that its client keeps.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Position in the client's order of preference.
    pub(crate) rank: usize,
    /// How many of its lane and zone take calls.
    pub(crate) members: usize,
}

impl Default for Place {
    /// Of few nodes all take calls.
    fn default() -> Self {
        Self {
            rank: 0,
            members: usize::MAX,
        }
    }
}

/// A known instance with the task that keeps it connected.
pub(crate) struct Node {
    pub(crate) instance: Arc<Instance>,
    pub(crate) address: Address,
    pub(crate) place: Place,
    pub(crate) stats: Arc<NodeStats>,
    pub(crate) standing: Standing,
    pub(crate) state: State,
    /// The last probe.
    pub(crate) probing: Option<JoinHandle<()>>,
    cancels: Arc<OnceLock<CancelCap>>,
    task: JoinHandle<()>,
}

impl Node {
    pub(crate) fn start(
        instance: Arc<Instance>,
        address: Address,
        place: Place,
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
            place,
            stats,
            standing: Standing::new(),
            state: State::Connecting,
            probing: None,
            cancels: Arc::default(),
            task,
        }
    }

    /// Takes over what its keeper says. A node that was away for longer is most likely another
    /// process, and starts slowly.
    pub(crate) fn enter(&mut self, state: State, now: Instant) {
        if matches!((&self.state, &state), (State::BackOff, State::Ready(_))) {
            self.stats.recover(now);
        }
        self.state = state;
    }

    /// Whether it may take calls.
    pub(crate) fn serves(&self) -> bool {
        matches!(self.state, State::Ready(_)) && self.standing.takes_calls()
    }

    /// What calls see of it, when it is connected.
    pub(crate) fn ready(&self, lookout: &Arc<Lookout>) -> Option<Arc<Ready>> {
        let State::Ready(connection) = &self.state else {
            return None;
        };
        Some(Arc::new(Ready {
            instance: Arc::clone(&self.instance),
            stats: Arc::clone(&self.stats),
            connection: Arc::clone(connection),
            lookout: Arc::clone(lookout),
            cancels: Arc::clone(&self.cancels),
        }))
    }

    /// What people see of it.
    pub(crate) fn known(&self) -> Known {
        Known {
            instance: Arc::clone(&self.instance),
            address: self.address.clone(),
            stats: Arc::clone(&self.stats),
            state: self.state.name(),
            ejected: self.standing.is_ejected(),
            ejected_until: self.standing.ejected_until(),
            ejections: self.standing.ejections(),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(probe) = &self.probing {
            probe.abort();
        }
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
            change: Change::State(state),
        };
        self.events.send(event).await.is_ok()
    }
}
