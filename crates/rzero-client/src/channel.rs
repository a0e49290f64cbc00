//! A channel: everything a client needs to call one service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rzero_core::{CallInfo, Class, Dial, Error, Fixed, Result};
use rzero_registry::{ServiceName, Watch};
use tokio::time::{Instant, timeout_at};

use crate::ClientConfig;
use crate::shared::{NodeView, Shared};
use crate::snapshot::{Group, Outlook, Ready};

/// Calls that may wait for a first ready node at a time.
const WAITERS_MAX: usize = 1024;

/// The longest that anything waits.
const DAY: Duration = Duration::from_secs(86_400);

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
    /// A channel to `target`, whose instances `watch` tells and `dial` connects over `protocol`,
    /// under the built-in policies; [`Channel::builder`] has more to say.
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
        let builder = Self::builder(target, watch, protocol, dial);
        builder.config(config).caller(caller).build()
    }

    /// The service it calls.
    #[must_use]
    pub fn target(&self) -> &ServiceName {
        &self.0.target
    }

    /// The known instances and their states.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeView> {
        self.0.views(Instant::now())
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

    /// Waits for a node as the rules allow; tells when that was.
    ///
    /// While the first dial is under way it waits until the deadline or the connect timeout; when
    /// no instance is known or all are in back-off it fails at once, unless the call waits for
    /// ready.
    pub(crate) async fn wait(
        &self,
        call: &CallInfo,
        now: Instant,
    ) -> Result<(Arc<Ready>, Instant)> {
        let patience = now.checked_add(self.0.connect_timeout).unwrap_or(now + DAY);
        let by = match call.deadline() {
            Some(at) if call.waits_for_ready() => at,
            Some(at) => at.min(patience),
            None if call.waits_for_ready() => now + DAY,
            None => patience,
        };
        // Looked at before a place in the queue is taken.
        let snapshot = self.0.snapshot.load_full();
        if self.is_hopeless(snapshot.group(call.lane()), call) {
            return Err(Error::fixed(&NO_ENDPOINT));
        }
        drop(snapshot);
        self.wait_until(call, by).await
    }

    /// Whether waiting makes no sense for this call.
    fn is_hopeless(&self, group: &Group, call: &CallInfo) -> bool {
        group.outlook == Outlook::Bleak && !group.is_stale() && !call.waits_for_ready()
    }

    async fn wait_until(&self, call: &CallInfo, by: Instant) -> Result<(Arc<Ready>, Instant)> {
        let _waiting = Waiting::enter(&self.0.waiters)?;
        let mut version = self.0.version.subscribe();
        loop {
            version.borrow_and_update();
            let snapshot = self.0.snapshot.load_full();
            let group = snapshot.group(call.lane());
            let now = Instant::now();
            if let Some(node) = group.pick(call, now) {
                return Ok((Arc::clone(node), now));
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
