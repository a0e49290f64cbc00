//! Configured names to adapters: one `match` per family, each arm behind its feature.

pub(crate) mod dial;
#[cfg(feature = "log")]
mod log;
pub(crate) mod policy;
pub(crate) mod redis;
pub(crate) mod registry;
pub(crate) mod remote;
pub(crate) mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use rzero_client::{Channel, ClientConfig};
use rzero_core::{Call, Duplex, Error, Reply, Result, Service, ServiceDesc, Stop, Tasks, Trailers};
use rzero_policy::PolicyWatch;
use rzero_registry::{Registry, ServiceName};
use rzero_resilience::limit::{Bulkhead, SharedRates};
use rzero_server::rt::Describe;
use rzero_server::{AppHandle, AuthHooks, Drained, Exit};
use tower_layer::{Identity, Layer, Stack};

use policy::Live;
use redis::Stores;
use settings::Settings;

pub use dial::dialer;

/// Runs a program's main part: installs the log, prints an error with its causes, sets the exit
/// code (0 after a clean drain, 1 when calls were cut or it could not start).
pub async fn run(main: impl Future<Output = Result<Drained, Error>>) -> Exit {
    #[cfg(feature = "log")]
    log::install();
    rzero_server::run(main).await
}

/// A service of this process and the channels to others, put together from configuration.
pub struct App<L = Identity> {
    server: rzero_server::App<L>,
    links: Links,
}

struct Links {
    registry: Arc<dyn Registry>,
    clients: BTreeMap<String, ClientConfig>,
    /// This one.
    service: ServiceName,
    caller: Arc<str>,
    zone: Option<String>,
    policies: Live,
    stores: Stores,
    served: Vec<&'static ServiceDesc>,
    hooks: AuthHooks,
}

impl App {
    /// An application that serves nothing yet. Nothing is bound and nothing is awaited.
    ///
    /// # Errors
    /// When a value is malformed, or names an adapter whose feature is off; the message names the
    /// key, or the feature to switch on. Also when the files of the configuration cannot be
    /// followed.
    pub fn new<T>(settings: &Settings<T>) -> Result<Self> {
        let registry = registry::registry(&settings.registry)?;
        let (service, server) = (settings.service.clone(), settings.server.clone());
        let caller = format!("{}@{}", service.name, service.version).into();
        let wire = dial::wire(&service, &server)?;
        let stores = Stores::open(&settings.policy, &server, &settings.redis)?;
        let server = rzero_server::App::new(service, server)?.wire(wire);
        let targets = settings.clients.keys().cloned();
        let (policy, source) = (&settings.policy, settings.source.as_ref());
        let policies = Live::new(policy, targets, source, stores.counts())
            .map_err(|error| Error::invalid_input(error.to_string()))?;
        let server = server.registry(Arc::clone(&registry));
        let server = server.policies(policies.watch());
        let links = Links {
            registry,
            clients: settings.clients.clone(),
            service: service_name(&settings.service.name, "service.name")?,
            caller,
            zone: settings.service.zone.clone(),
            policies,
            stores,
            served: Vec::new(),
            hooks: AuthHooks::new(),
        };
        Ok(Self { server, links })
    }
}

impl<L> App<L> {
    /// A channel to the service that `[client.<name>]` describes; without such a section, to the
    /// service called `name` with the default options. It returns at once and connects behind.
    ///
    /// # Errors
    /// When the section has a malformed value.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn channel(&self, name: &str) -> Result<Channel> {
        let config = self.links.clients.get(name).cloned().unwrap_or_default();
        self.links.policies.calls(name);
        dial::channel(name, &config, &self.links)
    }

    /// Puts a layer around every service that is added after this; the first layer is outermost.
    #[must_use]
    pub fn layer<N>(self, layer: N) -> App<Stack<N, L>> {
        App {
            server: self.server.layer(layer),
            links: self.links,
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
        self.links.policies.serves(service.describe());
        self.links.served.push(service.describe());
        self.server = self.server.serve(service);
        self
    }

    /// Runs a background part beside the services. It starts before the server is ready and is
    /// told to stop after the last call has ended, parts in reverse order. When it fails the whole
    /// application leaves.
    #[must_use]
    pub fn part<F, W>(mut self, name: &'static str, work: F) -> Self
    where
        F: FnOnce(Stop) -> W + Send + 'static,
        W: Future<Output = Result<()>> + Send + 'static,
    {
        self.server = self.server.part(name, work);
        self
    }

    /// What authentication needs beside `[server.auth]`: where tokens are kept, what judges them.
    /// Tokens in the Redis that `server.auth.app.redis` names need nothing.
    #[must_use]
    pub fn auth(mut self, hooks: AuthHooks) -> Self {
        self.links.hooks = hooks;
        self
    }

    /// The owner of tasks that run beside the services; clone it to where they are started. They
    /// are asked to stop when the last part has ended, and cut when the time of the drain is up.
    /// Unlike a [`part`](App::part), a task that ends or fails leaves the application alone.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        self.server.tasks()
    }

    /// A handle to ask for a shutdown and to learn the addresses.
    #[must_use]
    pub fn handle(&self) -> AppHandle {
        self.server.handle()
    }

    /// The registry that the configuration names.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.links.registry
    }

    /// The policies that hold now, and every change of them: `[policy]` of the configuration, which
    /// is followed while this application lives or runs.
    #[must_use]
    pub fn policies(&self) -> PolicyWatch {
        self.links.policies.watch()
    }

    /// The Redis that `[redis.<name>]` describes, the same one each time. It connects with its
    /// first command, and again whenever Redis comes back.
    ///
    /// # Errors
    /// When there is no such section.
    #[cfg(feature = "redis")]
    pub fn redis(&self, name: &str) -> Result<rzero_redis::Redis> {
        self.links.stores.get(name)
    }

    /// The bulkhead that `[policy.bulkhead.<name>]` describes, the same one each time: it bounds
    /// the uses of one resource at once, and lets a bounded number wait their turn. Without such a
    /// section it has the default settings. It follows the policies.
    ///
    /// # Errors
    /// When its settings are wrong.
    pub fn bulkhead(&self, name: &str) -> Result<Bulkhead> {
        let found = self.links.policies.bulkhead(name);
        found.map_err(|error| Error::invalid_input(format!("policy: {error}")))
    }

    /// Serves until SIGTERM, ctrl-c, [`AppHandle::shutdown`] or the failure of a part; then leaves
    /// in order. A second signal cuts the leaving short.
    ///
    /// # Errors
    /// When it cannot start, or when a part failed.
    ///
    /// # Cancel safety
    /// Dropping the future aborts everything at once, without a drain.
    pub async fn run(self) -> Result<Drained> {
        // The links live until the end: with them the policies are followed.
        let (mut server, links) = (self.server, self.links);
        links.policies.warn();
        server = server.auth(links.stores.hooks(&links.hooks)?);
        if let Some(rates) = links.rates().await? {
            server = server.shared_rates(rates);
        }
        server.run().await
    }
}

impl Links {
    /// What counts under the rules that all processes of this service share, if something does.
    async fn rates(&self) -> Result<Option<Arc<dyn SharedRates>>> {
        let policies = self.policies.watch().borrow().clone();
        let stores = &self.stores;
        stores
            .rates(&self.registry, &self.service, &self.served, &policies)
            .await
    }
}

impl<L> fmt::Debug for App<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// The name of a service, or an error that says where it stands.
fn service_name(text: &str, key: &str) -> Result<ServiceName> {
    text.parse()
        .map_err(|e| Error::invalid_input(format!("{key}: {e}")))
}
