//! A server as a whole: what it serves, how it starts, how it leaves.

mod drain;
mod part;
mod signals;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{
    Address, Bound, Call, Duplex, Error, Reply, Result, Served, Service, ServiceDesc, Shields,
    Shutdown, Stop, Tasks, Trailers, Wire,
};
use rzero_policy::PolicyWatch;
use rzero_registry::{Instance, InstanceId, Registration, Registry, ServiceName};
use rzero_resilience::limit::SharedRates;
use rzero_resilience::shed::Signals;
use rzero_resilience::shed::cpu::{self, CpuSampler};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_layer::{Identity, Layer, Stack};

pub use drain::Drained;
use part::{Part, Parts};
pub use signals::AppHandle;
use signals::Requests;

use crate::advertise::advertised;
use crate::auth::{Auth, AuthHooks};
use crate::builtin::{Health, HealthServer, reflection};
use crate::config::{Mode, ServerConfig, ServiceConfig};
use crate::govern::{Common, Governor, follow};
use crate::mounted::{Entrance, Mount, Mounted};
use crate::router::Router;
use crate::rt::Describe;

/// A server: services, background parts, user layers, the wires it speaks, the registry it joins.
///
/// It starts in the order listen → parts → ready → register and leaves in the reverse order, each
/// phase bounded. Adapters are handed in as values: [`wire`](App::wire), [`registry`](App::registry).
pub struct App<L = Identity> {
    service: ServiceConfig,
    server: ServerConfig,
    name: ServiceName,
    layer: L,
    mounts: Vec<(&'static ServiceDesc, Arc<dyn Mount>)>,
    parts: Vec<Part>,
    wires: Vec<Arc<dyn Wire>>,
    registry: Option<Arc<dyn Registry>>,
    policies: Option<PolicyWatch>,
    auth: AuthHooks,
    shared_rates: Option<Arc<dyn SharedRates>>,
    signals: Arc<Signals>,
    tasks: Tasks,
    requests: Requests,
}

impl App {
    /// A server that serves nothing yet.
    ///
    /// # Errors
    /// When the name or lane is malformed, or the phases of the drain exceed its budget.
    pub fn new(service: ServiceConfig, server: ServerConfig) -> Result<Self> {
        let name = service
            .name
            .parse()
            .map_err(|e| Error::invalid_input(format!("service.name: {e}")))?;
        let _: rzero_core::Lane = service
            .lane
            .parse()
            .map_err(|e| Error::invalid_input(format!("service.lane: {e}")))?;
        server.drain.check(service.mode)?;
        let tasks = Tasks::new();
        Ok(Self {
            service,
            server,
            name,
            layer: Identity::new(),
            mounts: Vec::new(),
            parts: Vec::new(),
            wires: Vec::new(),
            registry: None,
            policies: None,
            auth: AuthHooks::new(),
            shared_rates: None,
            signals: Arc::new(Signals::new(Instant::now())),
            requests: Requests::new(tasks.group()),
            tasks,
        })
    }
}

impl<L> App<L> {
    /// Speaks one more wire.
    #[must_use]
    pub fn wire(mut self, wire: Arc<dyn Wire>) -> Self {
        self.wires.push(wire);
        self
    }

    /// Joins a registry once it is ready; without one it only listens.
    #[must_use]
    pub fn registry(mut self, registry: Arc<dyn Registry>) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Keeps to these policies, and to every change of them from the next call on; without, to
    /// the built-in defaults. A change keeps what was counted: calls in flight, windows of
    /// breakers, what rate limits have given.
    #[must_use]
    pub fn policies(mut self, policies: PolicyWatch) -> Self {
        self.policies = Some(policies);
        self
    }

    /// Counts the calls under rate rules of scope `distributed` in this store; without one such a
    /// rule is an error.
    #[must_use]
    pub fn shared_rates(mut self, rates: Arc<dyn SharedRates>) -> Self {
        self.shared_rates = Some(rates);
        self
    }

    /// What authentication needs beside `[server.auth]`: where tokens are kept, what judges them.
    #[must_use]
    pub fn auth(mut self, hooks: AuthHooks) -> Self {
        self.auth = hooks;
        self
    }

    /// Puts a layer around every service that is added after this; the first layer is outermost.
    #[must_use]
    pub fn layer<N>(self, layer: N) -> App<Stack<N, L>> {
        App {
            service: self.service,
            server: self.server,
            name: self.name,
            layer: Stack::new(layer, self.layer),
            mounts: self.mounts,
            parts: self.parts,
            wires: self.wires,
            registry: self.registry,
            policies: self.policies,
            auth: self.auth,
            shared_rates: self.shared_rates,
            signals: self.signals,
            tasks: self.tasks,
            requests: self.requests,
        }
    }

    /// Serves a service; a generated `…Server` is one.
    #[must_use]
    pub fn serve<S>(mut self, service: S) -> Self
    where
        S: Describe,
        L: Layer<S>,
        L::Service:
            Service<Call<Bytes>, Reply = Reply<Bytes>> + Service<Call<Duplex>, Reply = Trailers>,
    {
        let desc = service.describe();
        let mounted = Mounted(Arc::new(self.layer.layer(service)));
        self.mounts.push((desc, Arc::new(mounted)));
        self
    }

    /// Runs a background part beside the services. It starts before the server is ready and is
    /// told to stop after the last call has ended, parts in reverse order. When it fails the
    /// whole server leaves.
    #[must_use]
    pub fn part<F, W>(mut self, name: &'static str, work: F) -> Self
    where
        F: FnOnce(Stop) -> W + Send + 'static,
        W: Future<Output = Result<()>> + Send + 'static,
    {
        self.parts.push(Part::new(name, work));
        self
    }

    /// What tells this server that it is overloaded. CPU use is reported by the server itself; a
    /// pool that calls need, or whoever watches the memory, reports here too.
    #[must_use]
    pub fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// The owner of tasks that run beside the services; clone it to where they are started. They
    /// are asked to stop when the last part has ended, and cut when the time of the drain is up.
    /// Unlike a [`part`](App::part), a task that ends or fails leaves the server alone.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// A handle to ask for a shutdown and to learn the addresses, while [`run`](App::run) runs.
    #[must_use]
    pub fn handle(&self) -> AppHandle {
        self.requests.handle()
    }

    /// Serves until SIGTERM, ctrl-c, [`AppHandle::shutdown`] or the failure of a part; then
    /// leaves in order. A second signal cuts the leaving short.
    ///
    /// # Errors
    /// When it cannot start (an address is taken, a service is served twice), or when a part
    /// failed.
    ///
    /// # Cancel safety
    /// Dropping the future aborts everything at once, without a drain.
    pub async fn run(self) -> Result<Drained> {
        let begun = Instant::now();
        let shutdown = Shutdown::new();
        let budget = self.server.drain.in_flight + self.server.drain.back_ends;
        let shields = Shields::new(budget);
        let health = Health::new(self.mounts.iter().map(|(desc, _)| desc.name));
        let governor = self.governor(&shields, begun)?;
        let auth = self.authentication()?;
        let router = self.router(&health, &governor, &auth, &shutdown.stop())?;
        let router = Arc::new(router);
        let bound = bind(&self.wires).await?;
        let addresses: Vec<_> = bound
            .iter()
            .map(|(protocol, b)| (*protocol, b.local()))
            .collect();
        let instance = instance(&self.service, &self.server, &self.name, &addresses);
        let mut wires: JoinSet<Served> = JoinSet::new();
        for (_, wire) in bound {
            wires.spawn(wire.serve(Arc::clone(&router) as _, shutdown.stop()));
        }
        // What the server itself needs to its very end.
        let own = self.tasks.group();
        self.requests.listen_to_signals(&own)?;
        self.requests.governed(governor.clone());
        keep(governor, self.signals, self.policies, &own);
        let mut parts = Parts::start(self.parts, &self.tasks);
        health.set_serving(true);
        let registering = register(self.registry.as_deref(), instance);
        let (registration, mut failure) = tokio::select! {
            registration = registering => match registration {
                Ok(registration) => (registration, None),
                Err(error) => (None, Some(error)),
            },
            // Whoever asks us to leave meanwhile does not wait for a slow registry.
            () = self.requests.asked(1) => (None, None),
        };
        let listen = addresses
            .iter()
            .map(|(p, a)| format!("{p}={a}"))
            .collect::<Vec<_>>()
            .join(" ");
        tracing::info!(service = %self.name, version = self.service.version, listen,
            took = ?begun.elapsed(), "ready");
        self.requests.ready(addresses);
        if failure.is_none() {
            failure = tokio::select! {
                () = self.requests.asked(1) => None,
                failure = parts.failed() => Some(failure),
                Some(_) = wires.join_next() => Some(Error::internal("a wire stopped serving")),
            };
        }
        let drain = drain::Drain {
            shutdown,
            config: self.server.drain,
            mode: self.service.mode,
            requests: self.requests,
            shields,
            tasks: self.tasks,
        };
        let drained = drain.run(health, registration, wires, parts).await;
        failure.map_or(Ok(drained), Err)
    }

    /// The governance of the services, by the policies of this moment.
    fn governor(&self, shields: &Arc<Shields>, now: Instant) -> Result<Governor> {
        let policies = self.policies.as_ref().map(|watch| watch.borrow().clone());
        let policies = policies.unwrap_or_default();
        let common = Common {
            signals: Arc::clone(&self.signals),
            shields: Arc::clone(shields),
            shared_rates: self.shared_rates.clone(),
            timeout: Some(self.server.rpc.timeout),
        };
        Governor::new(&self.services(), &policies, common, now)
    }

    fn authentication(&self) -> Result<Auth> {
        Auth::new(&self.server.auth, self.auth.clone(), &self.services())
    }

    fn services(&self) -> Vec<&'static ServiceDesc> {
        self.mounts.iter().map(|(desc, _)| *desc).collect()
    }

    fn router(
        &self,
        health: &Health,
        governor: &Governor,
        auth: &Auth,
        stop: &Stop,
    ) -> Result<Router> {
        let (mut router, now) = (Router::default(), Instant::now());
        let mut add = |desc, mount| {
            let (guard, gate) = (governor.guard(desc, now), auth.gate(desc));
            router.add(desc, mount, Entrance { guard, gate })
        };
        for (desc, mount) in &self.mounts {
            add(desc, Arc::clone(mount))?;
        }
        let health = HealthServer::new(health.clone());
        let mut described = self.services();
        described.push(health.describe());
        add(health.describe(), Arc::new(Mounted(Arc::new(health))))?;
        let reflected = self
            .server
            .rpc
            .reflection
            .unwrap_or(self.service.mode != Mode::Pro);
        if reflected {
            let (v1, v1alpha) = reflection(&described);
            for service in [v1, v1alpha] {
                let service = service.with_stop(stop.clone());
                add(service.describe(), Arc::new(Mounted(Arc::new(service))))?;
            }
        }
        Ok(router)
    }
}

/// Starts what keeps governance going: the sampler of the process's CPU use, and whoever follows
/// the policies.
fn keep(governor: Governor, signals: Arc<Signals>, policies: Option<PolicyWatch>, tasks: &Tasks) {
    drop(tasks.spawn("cpu-sampler", cpu::run(CpuSampler::system(), signals)));
    if let Some(policies) = policies {
        drop(tasks.spawn("policies", follow(governor, policies)));
    }
}

async fn bind(wires: &[Arc<dyn Wire>]) -> Result<Vec<(&'static str, Box<dyn Bound>)>> {
    let mut all = Vec::new();
    for wire in wires {
        all.push((wire.protocol(), wire.bind().await?));
    }
    Ok(all)
}

/// Joins the registry, if there is one.
async fn register(
    registry: Option<&dyn Registry>,
    instance: Result<Instance>,
) -> Result<Option<Registration>> {
    match registry {
        None => Ok(None),
        Some(registry) => registry.register(instance?).await.map(Some),
    }
}

/// This process as the registry shows it.
fn instance(
    service: &ServiceConfig,
    server: &ServerConfig,
    name: &ServiceName,
    addresses: &[(&'static str, Address)],
) -> Result<Instance> {
    let mut instance: Option<Instance> = None;
    for (protocol, local) in addresses {
        let told = advertised(local, server.rpc.advertise.as_deref())?;
        instance = Some(match instance {
            None => Instance::new(name.clone(), InstanceId::generate(), *protocol, told),
            Some(instance) => instance.with_address(*protocol, told),
        });
    }
    let instance = instance.ok_or(Error::invalid_input(
        "a server without a wire cannot register",
    ))?;
    let lane = service.lane.parse().map_err(Error::from)?;
    let instance = instance
        .with_version(service.version.clone())
        .with_lane(lane);
    Ok(match &service.zone {
        Some(zone) => instance.with_zone(zone.clone()),
        None => instance,
    })
}

/// What [`Drained`] needs of a registration.
type Joined = Option<Registration>;

/// The addresses a server listens on, by protocol.
pub(crate) type Addresses = watch::Sender<Option<Vec<(&'static str, Address)>>>;

impl<L> fmt::Debug for App<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<_> = self.mounts.iter().map(|(desc, _)| desc.name).collect();
        f.debug_struct("App")
            .field("name", &self.name)
            .field("services", &services)
            .finish_non_exhaustive()
    }
}
