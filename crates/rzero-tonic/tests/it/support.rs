//! Servers and clients for the tests.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rzero_client::{Channel, ClientConfig};
use rzero_core::{Address, Dial, Error, Result, Wire};
use rzero_grpc::{GrpcDialer, GrpcWire};
use rzero_policy::Policies;
use rzero_registry::{Instance, InstanceId, Registry, ServiceName, StaticRegistry};
use rzero_server::{App, AppHandle, DrainConfig, Drained, Mode, ServerConfig, ServiceConfig};
use rzero_testing::MemoryNet;
use rzero_tonic::{Contract, TonicChannel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::metadata::{AsciiMetadataValue, BinaryMetadataValue, KeyAndValueRef, MetadataMap};

use crate::FILES;
use crate::ours::Ours;
use crate::probe::probe_client::ProbeClient;
use crate::probe::probe_server::ProbeServer;
use crate::theirs::Theirs;

/// What the service sees of its calls.
#[derive(Default)]
pub(crate) struct Calls {
    inside: AtomicUsize,
    /// Calls that were begun.
    pub(crate) begun: AtomicUsize,
    /// Uploads that came to their end.
    pub(crate) whole_uploads: AtomicUsize,
    /// Messages that were received or made.
    pub(crate) messages: AtomicU64,
}

/// A call while it is handled.
pub(crate) struct Inside(Arc<Calls>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Calls {
    pub(crate) fn enter(self: &Arc<Self>) -> Inside {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.inside.fetch_add(1, Ordering::SeqCst);
        Inside(Arc::clone(self))
    }

    /// Waits until as many calls are being handled.
    pub(crate) async fn inside(&self, count: usize) {
        soon(async {
            while self.inside.load(Ordering::SeqCst) != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Waits for something that comes soon; the time is a safety net against a test that hangs.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work)
        .await
        .expect("it never came")
}

/// Both wires of ours.
#[derive(Clone)]
pub(crate) enum Net {
    Grpc,
    Memory(MemoryNet),
}

impl Net {
    pub(crate) fn both() -> [Self; 2] {
        [Self::Grpc, Self::Memory(MemoryNet::new())]
    }

    fn protocol(&self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Memory(_) => rzero_testing::PROTOCOL,
        }
    }

    fn wire(&self) -> Arc<dyn Wire> {
        match self {
            Self::Grpc => Arc::new(GrpcWire::new(Address::tcp("127.0.0.1", 0))),
            Self::Memory(net) => {
                // A server that was aborted may still hold its name for a moment.
                static STARTED: AtomicUsize = AtomicUsize::new(0);
                net.wire(&format!("probe-{}", STARTED.fetch_add(1, Ordering::SeqCst)))
            }
        }
    }

    fn dial(&self) -> Arc<dyn Dial> {
        match self {
            Self::Grpc => Arc::new(GrpcDialer::new()),
            Self::Memory(net) => Arc::new(net.clone()),
        }
    }
}

/// Whose code serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

pub(crate) fn contract() -> Contract {
    Contract::from_files(FILES).unwrap()
}

/// The methods of the contract by name alone.
pub(crate) fn names() -> Contract {
    let names = ["Say", "Put", "Count", "Sum", "Chat"];
    Contract::from_names(names.map(|name| format!("/probe.v1.Probe/{name}"))).unwrap()
}

/// A server that runs, and a channel to it.
pub(crate) struct Server {
    pub(crate) calls: Arc<Calls>,
    pub(crate) address: Address,
    pub(crate) channel: Channel,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
}

impl Server {
    /// Serves the probe of one side.
    pub(crate) async fn start(net: &Net, side: Side) -> Self {
        let calls = Arc::new(Calls::default());
        let probe = Arc::clone(&calls);
        match side {
            Side::Ours => Self::run(net, calls, |app| app.serve(Ours(probe))).await,
            Side::Theirs => {
                let theirs = ProbeServer::new(Theirs(probe));
                let theirs = rzero_tonic::service(theirs, &contract()).unwrap();
                Self::run(net, calls, |app| app.serve(theirs)).await
            }
        }
    }

    /// Serves what `build` adds.
    pub(crate) async fn run<L: Send + Sync + 'static>(
        net: &Net,
        calls: Arc<Calls>,
        build: impl FnOnce(App) -> App<L>,
    ) -> Self {
        let service = ServiceConfig {
            name: "probe".into(),
            version: "1.2.3".into(),
            zone: None,
            lane: String::new(),
            mode: Mode::Test,
        };
        let server = ServerConfig {
            drain: DrainConfig {
                wait: Some(Duration::ZERO),
                ..DrainConfig::default()
            },
            ..ServerConfig::default()
        };
        // Shedding would answer for whatever else runs on the machine.
        let policies = Policies::from_toml("[policy]\noff = [\"shed\"]").unwrap();
        let app = App::new(service, server).unwrap();
        let app = build(app.policies(watch::channel(policies).1)).wire(net.wire());
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let address = handle.address(net.protocol()).await.unwrap();
        let channel = channel(net.protocol(), net.dial(), address.clone());
        Self {
            calls,
            address,
            channel,
            handle,
            task,
        }
    }

    /// A tonic-generated client on our channel.
    pub(crate) fn client(&self) -> ProbeClient<TonicChannel> {
        ProbeClient::new(TonicChannel::new(self.channel.clone()).with_contract(&contract()))
    }

    /// The same, without knowing the contract.
    pub(crate) fn blind_client(&self) -> ProbeClient<TonicChannel> {
        ProbeClient::new(TonicChannel::new(self.channel.clone()))
    }

    /// A tonic-generated client on tonic's own channel.
    pub(crate) async fn foreign_client(&self) -> ProbeClient<tonic::transport::Channel> {
        let endpoint = tonic::transport::Endpoint::try_from(format!("http://{}", self.address));
        ProbeClient::new(endpoint.unwrap().connect().await.unwrap())
    }

    /// Leaves and says how that went.
    pub(crate) async fn leave(mut self) -> Drained {
        self.handle.shutdown();
        (&mut self.task).await.unwrap().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A channel to one address.
pub(crate) fn channel(protocol: &'static str, dial: Arc<dyn Dial>, address: Address) -> Channel {
    let name: ServiceName = "probe".parse().unwrap();
    let instance = Instance::new(name.clone(), InstanceId::generate(), protocol, address);
    let watch = StaticRegistry::new(vec![instance]).unwrap().watch(&name);
    let config = ClientConfig {
        // Busy machines are slow; nothing here tests the default.
        timeout: Duration::from_secs(30),
        ..ClientConfig::default()
    };
    Channel::new(name, watch, protocol, dial, &config, None)
}

/// The failure that a request asks for.
pub(crate) fn failure(code: i32) -> Option<Error> {
    let code = u32::try_from(code)
        .ok()
        .and_then(rzero_core::Code::from_number)?;
    Some(
        Error::with_code(code, "asked to: ünïcode 100%")
            .with_reason("ASKED", "probe.v1")
            .with_violation("fail_code", "is not 0"),
    )
}

/// Sees that a failure came whole.
pub(crate) fn assert_failure(status: tonic::Status, code: tonic::Code) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(status.message(), "asked to: ünïcode 100%");
    assert_eq!(status.metadata().get("x-why").unwrap(), "asked");
    let error = rzero_tonic::from_status(status);
    assert_eq!((error.reason(), error.domain()), ("ASKED", "probe.v1"));
    assert_eq!(error.violations()[0].field, "fail_code");
}

/// Metadata that both sides send back.
pub(crate) fn add_metadata(map: &mut MetadataMap) {
    map.append("echo-a", AsciiMetadataValue::from_static("1"));
    map.append("echo-a", AsciiMetadataValue::from_static("2 and more"));
    map.append_bin("echo-b-bin", BinaryMetadataValue::from_bytes(&[0, 255, 10]));
    map.append_bin("echo-b-bin", BinaryMetadataValue::from_bytes(b""));
}

/// Sees that it came back.
pub(crate) fn assert_metadata(map: &MetadataMap) {
    let texts: Vec<_> = map.get_all("echo-a").iter().collect();
    assert_eq!(texts, ["1", "2 and more"]);
    let bytes: Vec<_> = map
        .get_all_bin("echo-b-bin")
        .iter()
        .map(|value| value.to_bytes().unwrap())
        .collect();
    assert_eq!(bytes, [&[0, 255, 10][..], b""]);
}

/// The metadata of a request that goes back.
pub(crate) fn echoed(request: &MetadataMap) -> MetadataMap {
    let mut reply = MetadataMap::new();
    for pair in request.iter() {
        match pair {
            KeyAndValueRef::Ascii(key, value) if key.as_str().starts_with("echo-") => {
                reply.append(key, value.clone());
            }
            KeyAndValueRef::Binary(key, value) if key.as_str().starts_with("echo-") => {
                reply.append_bin(key, value.clone());
            }
            _ => {}
        }
    }
    reply
}
