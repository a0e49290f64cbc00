//! Servers whose behaviour is switched while they run, and a channel to them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rzero::parts::client::{Channel, ClientConfig, NodeView};
use rzero::parts::core::{Address, Call, Error, Service};
use rzero::parts::registry::{Instance, MemoryRegistry, Registration, Registry};
use rzero::parts::server::{App, ServerConfig, ServiceConfig};
use rzero::{AppHandle, CallOptions, Class, Result};
use rzero_policy::Policies;
use rzero_testing::{Echo, MemoryNet, PROTOCOL};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_layer::Layer;

use crate::support::{name, server_config, service_config};

pub(super) const MS: Duration = Duration::from_millis(1);

/// What a server does with its calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// Echoes them.
    Answer,
    /// Fails them.
    Fail(Class),
    /// Refuses them and asks for a pause.
    Busy(Duration),
    /// Never answers, as a process that was stopped.
    Hang,
    /// Echoes them after a while.
    Slow(Duration),
}

/// Switches a server, and counts its calls.
#[derive(Clone)]
pub(super) struct Switch(Arc<State>);

struct State {
    mode: Mutex<Mode>,
    calls: AtomicUsize,
    retries: AtomicUsize,
    running: AtomicUsize,
}

impl Switch {
    pub(super) fn new() -> Self {
        Self(Arc::new(State {
            mode: Mutex::new(Mode::Answer),
            calls: AtomicUsize::new(0),
            retries: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        }))
    }

    pub(super) fn set(&self, mode: Mode) {
        *self.0.mode.lock().unwrap() = mode;
    }

    /// Calls that reached the service.
    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(SeqCst)
    }

    /// Those among them that said that they were repeated.
    pub(super) fn retries(&self) -> usize {
        self.0.retries.load(SeqCst)
    }

    /// Calls that run now.
    pub(super) fn running(&self) -> usize {
        self.0.running.load(SeqCst)
    }
}

impl<S> Layer<S> for Switch {
    type Service = Switched<S>;

    fn layer(&self, inner: S) -> Switched<S> {
        let switch = self.clone();
        Switched { switch, inner }
    }
}

pub(super) struct Switched<S> {
    switch: Switch,
    inner: S,
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl<S, B> Service<Call<B>> for Switched<S>
where
    S: Service<Call<B>>,
    B: Send + 'static,
{
    type Reply = S::Reply;

    async fn call(&self, call: Call<B>) -> Result<S::Reply, Error> {
        let state = &*self.switch.0;
        state.calls.fetch_add(1, SeqCst);
        state
            .retries
            .fetch_add(usize::from(call.info.attempt() > 0), SeqCst);
        state.running.fetch_add(1, SeqCst);
        let _running = Running(&state.running);
        let mode = *state.mode.lock().unwrap();
        match mode {
            Mode::Answer => self.inner.call(call).await,
            Mode::Fail(class) => Err(Error::new(class, "a test makes this call fail")),
            Mode::Busy(pause) => Err(Error::overloaded("busy").with_retry_after(pause)),
            Mode::Hang => {
                let _call = call;
                std::future::pending().await
            }
            Mode::Slow(time) => {
                tokio::time::sleep(time).await;
                self.inner.call(call).await
            }
        }
    }
}

/// Echo servers in memory, and a channel to them.
pub(super) struct Fleet {
    pub(super) net: MemoryNet,
    pub(super) registry: Arc<MemoryRegistry>,
    pub(super) switches: Vec<Switch>,
    pub(super) policies: watch::Sender<Policies>,
    pub(super) channel: Channel,
    handles: Vec<AppHandle>,
    tasks: Vec<JoinHandle<()>>,
    registrations: Vec<Registration>,
}

/// Nothing of the server's own governance, so that what is seen is the client's.
const SERVERS: &str = "a test of clients";

impl Fleet {
    /// `count` servers, ready, under the policies of `toml`.
    pub(super) async fn start(count: usize, toml: &str) -> Self {
        let net = MemoryNet::new();
        let registry = Arc::new(MemoryRegistry::new());
        let (policies, watch) = watch::channel(Policies::from_toml(toml).unwrap());
        let dial = Arc::new(net.clone());
        let channel = Channel::builder(name(), registry.watch(&name()), PROTOCOL, dial)
            .config(&ClientConfig::default())
            .name("fleet")
            .instance(SERVERS)
            .zone(Some("here"))
            .policies(watch)
            .build();
        let mut fleet = Self {
            net,
            registry,
            switches: Vec::new(),
            policies,
            channel,
            handles: Vec::new(),
            tasks: Vec::new(),
            registrations: Vec::new(),
        };
        for _ in 0..count {
            fleet.join("").await;
        }
        fleet.channel.ready(count).await;
        fleet
    }

    /// One more server, in a zone when that has a name.
    pub(super) async fn join(&mut self, zone: &str) {
        let switch = Switch::new();
        let id = format!("node-{:03}", self.switches.len());
        let (service, server): (ServiceConfig, ServerConfig) = (service_config(), server_config());
        let app = App::new(service, server).unwrap();
        let app = app.layer(switch.clone()).serve(Echo);
        let app = app.wire(self.net.wire(&id));
        let handle = app.handle();
        self.tasks.push(tokio::spawn(async move {
            drop(app.run().await);
        }));
        let address = handle.address(PROTOCOL).await.unwrap();
        self.handles.push(handle);
        self.register(&id, address, zone).await;
        self.switches.push(switch);
    }

    /// Registers an instance, be there a server or not.
    pub(super) async fn register(&mut self, id: &str, address: Address, zone: &str) {
        let id = id.parse().unwrap();
        let mut instance = Instance::new(name(), id, PROTOCOL, address);
        if !zone.is_empty() {
            instance = instance.with_zone(zone);
        }
        let registration = self.registry.register(instance).await.unwrap();
        self.registrations.push(registration);
    }

    pub(super) fn set_all(&self, mode: Mode) {
        self.switches.iter().for_each(|switch| switch.set(mode));
    }

    /// One call of the unary method, marked idempotent or not.
    pub(super) async fn say(&self, idempotent: bool) -> Result<()> {
        let options = CallOptions::new().idempotent(idempotent);
        self.say_with(&options).await
    }

    pub(super) async fn say_with(&self, options: &CallOptions) -> Result<()> {
        let reply = self.channel.unary(Echo::SAY, "hello".into(), options);
        assert_eq!(reply.await?.body, "hello");
        Ok(())
    }

    /// Calls that reached a server.
    pub(super) fn calls(&self) -> usize {
        self.switches.iter().map(Switch::calls).sum()
    }

    pub(super) fn node(&self, number: usize) -> NodeView {
        let id = format!("node-{number:03}");
        let nodes = self.channel.nodes();
        nodes.into_iter().find(|node| node.id == id).unwrap()
    }

    /// Waits for a condition, in paused time as well.
    pub(super) async fn until(&self, mut met: impl FnMut(&Self) -> bool) {
        while !met(self) {
            tokio::time::sleep(MS).await;
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
