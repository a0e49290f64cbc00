//! What a channel is made of.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use rzero_balance::instance_key;
use rzero_core::{Dial, Lane, Metadata, names};
use rzero_policy::PolicyWatch;
use rzero_registry::{ServiceName, Watch};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::cluster::{self, Recipe};
use crate::governance::{Lookout, Methods};
use crate::shared::Shared;
use crate::snapshot::{Choice, Group, Outlook, Snapshot};
use crate::{Channel, ClientConfig};

/// Lanes that may wait to be dialed.
const WAKES_MAX: usize = 32;

/// What a channel is made of: required parts by [`Channel::builder`], the rest here.
#[must_use = "a channel is made by `build`"]
pub struct ChannelBuilder {
    target: ServiceName,
    watch: Watch,
    protocol: &'static str,
    dial: Arc<dyn Dial>,
    config: ClientConfig,
    name: Option<Arc<str>>,
    caller: Option<Arc<str>>,
    instance: Option<u64>,
    zone: Option<Box<str>>,
    policies: Option<PolicyWatch>,
}

impl Channel {
    /// Begins a channel to `target`, whose instances `watch` tells and `dial` connects over
    /// `protocol`.
    pub fn builder(
        target: ServiceName,
        watch: Watch,
        protocol: &'static str,
        dial: Arc<dyn Dial>,
    ) -> ChannelBuilder {
        ChannelBuilder {
            target,
            watch,
            protocol,
            dial,
            config: ClientConfig::default(),
            name: None,
            caller: None,
            instance: None,
            zone: None,
            policies: None,
        }
    }
}

impl ChannelBuilder {
    /// What an operator wrote about the client; by default nothing.
    pub fn config(mut self, config: &ClientConfig) -> Self {
        self.config = config.clone();
        self
    }

    /// The name under which policies match the target, that of its `[client.<name>]` section. By
    /// default the name of the service.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Who we are, `service@version`: told to the callee.
    pub fn caller(mut self, caller: Option<Arc<str>>) -> Self {
        self.caller = caller;
        self
    }

    /// Our own instance id: it decides which of very many nodes are kept, so that a client finds
    /// the same ones after a restart. By default it is drawn.
    pub fn instance(mut self, id: &str) -> Self {
        self.instance = Some(instance_key(id));
        self
    }

    /// The zone that we run in; nodes there are preferred. By default unknown: none is.
    pub fn zone(mut self, zone: Option<&str>) -> Self {
        self.zone = zone.map(Into::into);
        self
    }

    /// The policies, and how a change of them arrives. By default the built-in ones hold.
    pub fn policies(mut self, policies: PolicyWatch) -> Self {
        self.policies = Some(policies);
        self
    }

    /// Makes the channel. It connects behind: this never waits and never fails.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn build(self) -> Channel {
        let (wakes, wanted) = mpsc::channel(WAKES_MAX);
        let now = Instant::now();
        let policies = self.policies.as_ref().map(|now| now.borrow().clone());
        let policies = policies.unwrap_or_default();
        let name = (self.name).unwrap_or_else(|| Arc::from(self.target.as_str()));
        let client = policies.client(&name);
        let lookout = Arc::new(Lookout::new(client.outlier.clone()));
        let callee = Arc::from(self.target.as_str());
        let methods = Methods::new(
            callee,
            Arc::clone(&name),
            self.config.timeout,
            policies,
            now,
        );
        let choice = Choice {
            policy: self.config.balancer,
            slow_start: client.slow_start,
        };
        let empty = Group::new(Lane::base(), Vec::new(), Outlook::Hopeful, choice, now);
        let shared = Arc::new(Shared {
            target: self.target,
            name,
            plain: self.caller.as_deref().and_then(plain),
            caller: self.caller,
            wait_for_ready: self.config.wait_for_ready,
            connect_timeout: self.config.connect_timeout,
            methods,
            snapshot: ArcSwap::from_pointee(Snapshot::new(empty, [])),
            version: watch::Sender::new(0),
            waiters: AtomicUsize::new(0),
            known: Mutex::new(Vec::new()),
            wakes,
        });
        let recipe = Recipe {
            protocol: self.protocol,
            dial: self.dial,
            policy: self.config.balancer,
            connect_timeout: self.config.connect_timeout,
            // A hasher with random keys is the standard library's only source of randomness.
            client: (self.instance).unwrap_or_else(|| RandomState::new().hash_one(0_u8)),
            zone: self.zone,
            lookout,
        };
        let task = cluster::run(
            recipe,
            self.watch,
            wanted,
            self.policies,
            Arc::downgrade(&shared),
        );
        tokio::spawn(task);
        Channel(shared)
    }
}

/// The metadata of a call that has none of its own, shared by all of them.
fn plain(caller: &str) -> Option<Arc<Metadata>> {
    let mut metadata = Metadata::new();
    // A name that cannot travel is left out, as it is from calls with metadata.
    metadata.insert(names::CALLER, caller.to_owned()).ok()?;
    Some(Arc::new(metadata))
}

impl std::fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelBuilder")
            .field("target", &self.target)
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
