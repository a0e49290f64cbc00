//! Servers with one configuration, and a client that picks which one it calls.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::config::{Settings, load};
use rzero::parts::client::ClientConfig;
use rzero::parts::server::{Mode, ServiceConfig};
use rzero::policy::Policies;
use rzero::rt::{Describe, Duplex, Idempotency, Kind, Method, MethodDesc, ServiceDesc, Trailers};
use rzero::{App, AppHandle, Call, CallOptions, Channel, Drained, Reply, Result, Service};
use rzero_harness::RedisServer;
use tempfile::TempDir;
use tokio::task::JoinHandle;

#[derive(serde::Deserialize)]
struct Nothing {}

static ECHO: ServiceDesc = ServiceDesc {
    name: "test.Echo",
    methods: &[SAY],
    files: &[],
};

const SAY: MethodDesc = MethodDesc {
    path: "/test.Echo/Say",
    service: "test.Echo",
    name: "Say",
    kind: Kind::Unary,
    idempotency: Idempotency::Unknown,
    index: 0,
};

/// Answers with what it is told.
struct Echo;

impl Describe for Echo {
    fn describe(&self) -> &'static ServiceDesc {
        &ECHO
    }
}

impl Service<Call<Bytes>> for Echo {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        Ok(Reply::new(call.body))
    }
}

impl Service<Call<Duplex>> for Echo {
    type Reply = Trailers;

    async fn call(&self, _: Call<Duplex>) -> Result<Trailers> {
        Ok(Trailers::default())
    }
}

/// A folder with the file that all servers read.
pub(crate) struct World {
    dir: TempDir,
    address: String,
}

impl World {
    pub(crate) fn new(redis: &RedisServer, text: &str) -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
            address: redis.endpoint(),
        };
        world.write(text);
        world
    }

    /// Writes the file, in which `text` stands below what every test needs.
    pub(crate) fn write(&self, text: &str) {
        let (registry, redis) = (self.registry(), &self.address);
        // The times are for a machine that stalls; a server that is gone refuses at once.
        let text = format!(
            "[service]\nname = \"echo\"\nmode = \"test\"\n[registry]\ndir = {registry:?}\n\
             [server.drain]\nwait = \"10ms\"\n\
             [redis.main]\naddresses = [\"{redis}\"]\nconnect_timeout = \"10s\"\n\
             response_timeout = \"10s\"\nreconnect_max = \"50ms\"\n\
             [policy.store]\ntimeout = \"10s\"\n{text}"
        );
        let path = self.path();
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("echo.toml")
    }

    fn registry(&self) -> PathBuf {
        self.dir.path().join("registry")
    }

    /// An application that serves, not yet running.
    pub(crate) fn app(&self) -> App {
        let settings = load::<Nothing>(self.path()).unwrap();
        App::new(&settings).unwrap().serve(Echo)
    }

    /// Starts a server with the file as it is now.
    pub(crate) async fn start(&self) -> Node {
        let app = self.app();
        let redis = app.redis("main").unwrap();
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let Some(address) = handle.address("grpc").await else {
            panic!("{:?}", task.await.unwrap().unwrap_err());
        };
        Node {
            channel: channel(&self.registry(), &address.to_string()),
            handle,
            task,
            redis,
        }
    }
}

/// A channel to one server.
fn channel(registry: &Path, address: &str) -> Channel {
    let service = ServiceConfig {
        name: "caller".into(),
        version: "1.0.0".into(),
        zone: None,
        lane: String::new(),
        mode: Mode::Test,
    };
    let mut settings = Settings::new(service, ());
    settings.registry.dir = Some(registry.to_owned());
    let client = ClientConfig {
        addresses: vec![address.to_owned()],
        ..ClientConfig::default()
    };
    settings.clients.insert("echo".into(), client);
    // Each call is one attempt, whatever became of those before.
    settings.policy = Policies::from_toml("policy.off = [\"retry\", \"breaker\"]").unwrap();
    App::new(&settings).unwrap().channel("echo").unwrap()
}

/// A running server.
pub(crate) struct Node {
    pub(crate) redis: rzero::redis::Redis,
    channel: Channel,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
}

impl Node {
    /// Calls with this metadata.
    pub(crate) async fn say(&self, metadata: &[(&str, &str)]) -> Result<()> {
        let mut options = CallOptions::new().deadline(Duration::from_secs(30));
        for (key, value) in metadata {
            options = options.metadata(*key, *value).unwrap();
        }
        let method = Method::new(&SAY);
        let reply = self
            .channel
            .unary(method, Bytes::from_static(b"hi"), &options);
        assert_eq!(reply.await?.body, "hi");
        Ok(())
    }

    pub(crate) async fn leave(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
    }
}

/// Waits until `fact` holds.
pub(crate) async fn until(what: &str, mut fact: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !fact().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let within = Duration::from_secs(60);
    let waited = tokio::time::timeout(within, wait).await;
    assert!(waited.is_ok(), "{what}: not within {within:?}");
}
