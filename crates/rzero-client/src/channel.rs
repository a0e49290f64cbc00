//! A channel: everything a client needs to call one service.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rzero_balance::NodeStats;
use rzero_core::{CallInfo, Class, Dial, Error, Fixed, Lane, Result};
use rzero_registry::{ServiceName, Watch};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::ClientConfig;
use crate::cluster::{self, Recipe};
use crate::shared::{NodeView, Shared};
use crate::snapshot::{Group, Outlook, Ready, Snapshot};

/// Calls that may wait for a first ready node at a time.
const WAITERS_MAX: usize = 1024;

/// The longest that anything waits.
const DAY: Duration = Duration::from_secs(86_400);

/// Lanes that may wait to be dialed.
const WAKES_MAX: usize = 32;

static NO_ENDPOINT: Fixed = Fixed::new(Class::NoEndpoint, "no instance of the service is ready");
static TOO_MANY: Fixed = Fixed::new(
    Class::NoEndpoint,
    "too many calls wait for a ready instance",
);

/// A channel to one service: follows the registry, keeps connections, places calls. Cheap to
/// clone; connects behind; when the last clone is dropped connections are drained.
#[derive(Clone)]
pub struct Channel(pub(crate) Arc<Shared>);

impl Channel {
    /// A channel to `target`, whose instances `watch` tells and `dial` connects over `protocol`.
    ///
    /// `caller` is who we are, `service@version`, told to the callee.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(
        target: ServiceName,
        watch: Watch,
        protocol: &'static str,
        dial: Arc<dyn Dial>,
        config: &ClientConfig,
        caller: Option<Arc<str>>,
    ) -> Self {
        let (wakes, wanted) = mpsc::channel(WAKES_MAX);
        let (now, policy) = (Instant::now(), config.balancer);
        let empty = Group::new(Lane::base(), Vec::new(), Outlook::Hopeful, policy, now);
        let shared = Arc::new(Shared {
            target,
            caller,
            timeout: config.timeout,
            wait_for_ready: config.wait_for_ready,
            connect_timeout: config.connect_timeout,
            snapshot: ArcSwap::from_pointee(Snapshot::new(empty, [])),
            version: watch::Sender::new(0),
            waiters: AtomicUsize::new(0),
            views: Mutex::new(Vec::new()),
            wakes,
        });
        let recipe = Recipe {
            protocol,
            dial,
            policy: config.balancer,
            connect_timeout: config.connect_timeout,
        };
        tokio::spawn(cluster::run(recipe, watch, wanted, Arc::downgrade(&shared)));
        Self(shared)
    }

    /// The service it calls.
    #[must_use]
    pub fn target(&self) -> &ServiceName {
        &self.0.target
    }

    /// The known instances and their states.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeView> {
        self.0
            .views
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until at least `count` instances are ready.
    ///
    /// # Cancel safety
    /// Safe: nothing is consumed.
    pub async fn ready(&self, count: usize) {
        let mut version = self.0.version.subscribe();
        // The sender lives in `self`, so the channel cannot close.
        let _ = version
            .wait_for(|_| self.0.snapshot.load().ready() >= count)
            .await;
    }

    /// Chooses a node, or waits for one as the rules allow; tells when that was.
    ///
    /// While the first dial is under way it waits until the deadline or the connect timeout; when
    /// no instance is known or all are in back-off it fails at once, unless the call waits for
    /// ready.
    pub(crate) async fn pick(
        &self,
        call: &CallInfo,
        now: Instant,
        avoid: Option<&Arc<NodeStats>>,
    ) -> Result<(Ready, Instant)> {
        let snapshot = self.0.snapshot.load();
        let group = snapshot.group(call.lane());
        if let Some(node) = group.pick(call, now, avoid) {
            return Ok((node.clone(), now));
        }
        if self.is_hopeless(group, call) {
            return Err(Error::fixed(&NO_ENDPOINT));
        }
        drop(snapshot);
        let patience = now.checked_add(self.0.connect_timeout).unwrap_or(now + DAY);
        let by = match call.deadline() {
            Some(at) if call.waits_for_ready() => at,
            Some(at) => at.min(patience),
            None if call.waits_for_ready() => now + DAY,
            None => patience,
        };
        self.wait(call, by).await
    }

    /// Whether waiting makes no sense for this call.
    fn is_hopeless(&self, group: &Group, call: &CallInfo) -> bool {
        group.outlook == Outlook::Bleak && !group.is_stale() && !call.waits_for_ready()
    }

    async fn wait(&self, call: &CallInfo, by: Instant) -> Result<(Ready, Instant)> {
        let _waiting = Waiting::enter(&self.0.waiters)?;
        let mut version = self.0.version.subscribe();
        loop {
            version.borrow_and_update();
            let snapshot = self.0.snapshot.load_full();
            let group = snapshot.group(call.lane());
            let now = Instant::now();
            if let Some(node) = group.pick(call, now, None) {
                return Ok((node.clone(), now));
            }
            if self.is_hopeless(group, call) {
                return Err(Error::fixed(&NO_ENDPOINT));
            }
            if group.outlook == Outlook::Asleep {
                // When the queue is full somebody else's wake makes a new snapshot, and we ask
                // again then.
                drop(self.0.wakes.try_send(call.lane().clone()));
            }
            if timeout_at(by, version.changed()).await.is_err() {
                return Err(Error::fixed(&NO_ENDPOINT));
            }
        }
    }
}

/// One of the calls that wait; gives its place back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiters: &'a AtomicUsize) -> Result<Self> {
        let waiting = Self(waiters);
        if waiters.fetch_add(1, Ordering::Relaxed) >= WAITERS_MAX {
            return Err(Error::fixed(&TOO_MANY));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.0.snapshot.load().ready();
        write!(f, "Channel({}, {nodes} ready)", self.0.target)
    }
}
