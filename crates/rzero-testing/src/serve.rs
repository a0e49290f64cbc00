//! A service in process.

use std::sync::Arc;

use bytes::Bytes;
use rzero_client::{Channel, ClientConfig};
use rzero_core::{Call, Duplex, Error, Reply, Result, Service, Trailers};
use rzero_registry::{Instance, InstanceId, MemoryRegistry, Registration, Registry, ServiceName};
use rzero_server::rt::Describe;
use rzero_server::{App, AppHandle, DrainConfig, Drained, Mode, ServerConfig, ServiceConfig};
use tokio::task::JoinHandle;

use crate::{MemoryNet, PROTOCOL};

/// Serves `service` in this process with the whole server chain, and connects to it with the
/// whole client chain.
///
/// # Panics
/// Outside of a tokio runtime, and when the service cannot start: this is a test.
pub async fn serve<S>(service: S) -> TestServer
where
    S: Describe
        + Service<Call<Bytes>, Reply = Reply<Bytes>>
        + Service<Call<Duplex>, Reply = Trailers>,
{
    TestServer::start(|app| app.serve(service))
        .await
        .expect("a service in memory starts")
}

/// A server in this process.
#[derive(Debug)]
pub struct TestServer {
    channel: Channel,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
    /// Keeps the one instance registered.
    _registration: Registration,
}

impl TestServer {
    /// Starts a server that `build` completes: services, layers, parts.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start<L>(build: impl FnOnce(App) -> App<L>) -> Result<Self>
    where
        L: Send + Sync + 'static,
    {
        Self::start_with(ServerConfig::default(), build).await
    }

    /// The same with a configuration, of which the waiting of the drain is left out.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start_with<L>(
        server: ServerConfig,
        build: impl FnOnce(App) -> App<L>,
    ) -> Result<Self>
    where
        L: Send + Sync + 'static,
    {
        let net = MemoryNet::new();
        let name: ServiceName = "test".parse()?;
        let service = ServiceConfig {
            name: name.to_string(),
            version: "0.0.0".to_owned(),
            zone: None,
            lane: String::new(),
            mode: Mode::Test,
        };
        let server = ServerConfig {
            drain: DrainConfig {
                wait: Some(std::time::Duration::ZERO),
                ..server.drain
            },
            ..server
        };
        let app = build(App::new(service, server)?).wire(net.wire("test"));
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let Some(address) = handle.address(PROTOCOL).await else {
            task.await??;
            return Err(Error::internal("the server ended before it was ready"));
        };
        let registry = MemoryRegistry::new();
        let instance = Instance::new(name.clone(), InstanceId::generate(), PROTOCOL, address);
        let registration = registry.register(instance).await?;
        let watch = registry.watch(&name);
        let config = ClientConfig::default();
        let channel = Channel::new(name, watch, PROTOCOL, Arc::new(net), &config, None);
        Ok(Self {
            channel,
            handle,
            task,
            _registration: registration,
        })
    }

    /// A channel to it, for any generated client.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Its handle: what its governance and its tasks do.
    #[must_use]
    pub fn handle(&self) -> &AppHandle {
        &self.handle
    }

    /// Asks it to leave and waits for its drain.
    ///
    /// # Errors
    /// When a background part failed.
    pub async fn shutdown(mut self) -> Result<Drained> {
        self.handle.shutdown();
        (&mut self.task).await?
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
