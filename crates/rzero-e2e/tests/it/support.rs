//! Servers and clients for the tests.

use std::sync::Arc;
use std::time::Duration;

use rzero::parts::client::{Channel, ClientConfig};
use rzero::parts::core::{Address, Dial, Wire};
use rzero::parts::grpc::{GrpcDialer, GrpcWire};
use rzero::parts::registry::{
    Instance, InstanceId, MemoryRegistry, Registration, Registry, ServiceName,
};
use rzero::parts::server::{App, DrainConfig, Mode, ServerConfig, ServiceConfig};
use rzero::{AppHandle, Drained, Result};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{EchoClient, EchoServer};
use rzero_testing::MemoryNet;
use tokio::task::JoinHandle;

/// Both wires, so that every test can run on either.
#[derive(Clone)]
pub(crate) enum Net {
    Grpc,
    Memory(MemoryNet),
}

impl Net {
    pub(crate) fn both() -> [Self; 2] {
        [Self::Grpc, Self::Memory(MemoryNet::new())]
    }

    pub(crate) fn protocol(&self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Memory(_) => rzero_testing::PROTOCOL,
        }
    }

    pub(crate) fn wire(&self, name: &str) -> Arc<dyn Wire> {
        match self {
            Self::Grpc => Arc::new(GrpcWire::new(Address::tcp("127.0.0.1", 0))),
            Self::Memory(net) => net.wire(name),
        }
    }

    pub(crate) fn dial(&self) -> Arc<dyn Dial> {
        match self {
            Self::Grpc => Arc::new(GrpcDialer::new()),
            Self::Memory(net) => Arc::new(net.clone()),
        }
    }
}

/// A cluster of echo servers in this process that share a registry.
pub(crate) struct Cluster {
    pub(crate) net: Net,
    pub(crate) registry: Arc<MemoryRegistry>,
}

/// A running server.
pub(crate) struct Running {
    pub(crate) logic: Arc<EchoLogic>,
    pub(crate) handle: AppHandle,
    pub(crate) task: JoinHandle<Result<Drained>>,
    pub(crate) address: Address,
}

impl Running {
    /// Leaves and says how that went.
    pub(crate) async fn leave(self) -> Drained {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap()
    }
}

pub(crate) fn name() -> ServiceName {
    "echo".parse().unwrap()
}

pub(crate) fn service_config() -> ServiceConfig {
    ServiceConfig {
        name: "echo".into(),
        version: "1.2.3".into(),
        zone: None,
        lane: String::new(),
        mode: Mode::Test,
    }
}

pub(crate) fn server_config() -> ServerConfig {
    let wait = Some(Duration::from_millis(50));
    let in_flight = Duration::from_secs(5);
    let drain = DrainConfig {
        wait,
        in_flight,
        ..DrainConfig::default()
    };
    ServerConfig {
        drain,
        ..ServerConfig::default()
    }
}

impl Cluster {
    pub(crate) fn new(net: Net) -> Self {
        Self {
            net,
            registry: Arc::new(MemoryRegistry::new()),
        }
    }

    /// An app with the echo service, not yet running.
    pub(crate) fn app(&self, id: &str) -> (App, Arc<EchoLogic>) {
        let logic = Arc::new(EchoLogic::new(id));
        let app = App::new(service_config(), server_config()).unwrap();
        let app = app.serve(EchoServer::from_arc(Arc::clone(&logic)));
        (app.wire(self.net.wire(id)), logic)
    }

    /// Starts an echo server that registers.
    pub(crate) async fn start(&self, id: &str) -> Running {
        self.start_on(id, "").await
    }

    /// Starts an echo server that registers on a lane.
    pub(crate) async fn start_on(&self, id: &str, lane: &str) -> Running {
        let logic = Arc::new(EchoLogic::new(id));
        let service = ServiceConfig {
            lane: lane.into(),
            ..service_config()
        };
        let app = App::new(service, server_config()).unwrap();
        let app = app
            .serve(EchoServer::from_arc(Arc::clone(&logic)))
            .wire(self.net.wire(id));
        let app = app.registry(Arc::clone(&self.registry) as _);
        self.run(app, logic).await
    }

    pub(crate) async fn run<L: Send + Sync + 'static>(
        &self,
        app: App<L>,
        logic: Arc<EchoLogic>,
    ) -> Running {
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let address = handle.address(self.net.protocol()).await.unwrap();
        Running {
            logic,
            handle,
            task,
            address,
        }
    }

    /// Registers an address by hand.
    pub(crate) async fn register(&self, address: Address) -> Registration {
        let id = InstanceId::generate();
        let instance = Instance::new(name(), id, self.net.protocol(), address);
        self.registry.register(instance).await.unwrap()
    }

    pub(crate) fn channel(&self, config: &ClientConfig) -> Channel {
        let watch = self.registry.watch(&name());
        Channel::new(
            name(),
            watch,
            self.net.protocol(),
            self.net.dial(),
            config,
            None,
        )
    }

    pub(crate) fn client(&self) -> (EchoClient, Channel) {
        let channel = self.channel(&ClientConfig::default());
        (EchoClient::new(channel.clone()), channel)
    }
}
