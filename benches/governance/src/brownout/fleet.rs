//! Nodes that are made up, and a channel to them.

use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rzero_client::{Channel, ClientConfig};
use rzero_core::{
    Address, BoxFuture, Call, CallInfo, Class, Connection, Dial, Duplex, Error, Fixed, Gone, Load,
    Reply, UnaryReply,
};
use rzero_policy::Policies;
use rzero_registry::{Instance, MemoryRegistry, Registration, Registry, ServiceName};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::scenario::Mode;
use crate::Result;
use crate::random::Random;

const PROTOCOL: &str = "simulated";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `HealthCheckResponse { status: SERVING }`, encoded.
const SERVING: &[u8] = &[0x08, 0x01];

static DOWN: Fixed = Fixed::new(Class::Unavailable, "this node fails");

/// What a node does with its calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// It answers, so many times slower than a healthy one.
    Answers(f64),
    /// It fails them after a millisecond, health checks too.
    Fails,
    /// It never answers.
    Hangs,
}

/// The least and the mean of the rest of a healthy node's latency.
const LEAST_MS: f64 = 5.0;
const REST_MS: f64 = 5.0;

/// One node.
pub(super) struct Node {
    state: Mutex<State>,
    random: Mutex<Random>,
    attempts: AtomicU64,
}

impl Node {
    fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(State::Answers(1.0)),
            random: Mutex::new(Random::seeded(seed)),
            attempts: AtomicU64::new(0),
        }
    }

    pub(super) fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    async fn answer(
        self: Arc<Self>,
        call: Call<Bytes>,
    ) -> std::result::Result<Reply<Bytes>, Error> {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            State::Answers(times) => sleep(self.latency(times)).await,
            State::Fails => {
                sleep(Duration::from_millis(1)).await;
                return Err(Error::fixed(&DOWN));
            }
            State::Hangs => pending().await,
        }
        Ok(Reply::new(match call.info.method().path() {
            HEALTH => Bytes::from_static(SERVING),
            _ => call.body,
        }))
    }

    fn latency(&self, times: f64) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = LEAST_MS + REST_MS * random.exponential();
        Duration::from_secs_f64(millis * times / 1e3)
    }
}

/// A connection to a node.
struct Link(Arc<Node>);

impl Connection for Link {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        let real = call.info.method().path() != HEALTH;
        self.0.attempts.fetch_add(u64::from(real), Relaxed);
        UnaryReply::boxed(Box::pin(Arc::clone(&self.0).answer(call)))
    }

    fn open(&self, _: CallInfo) -> Duplex {
        unreachable!("nothing streams here")
    }

    fn load(&self) -> Load {
        Load::default()
    }

    fn is_open(&self) -> bool {
        true
    }

    fn drain(&self) {}

    fn gone(&self) -> BoxFuture<'_, Gone> {
        Box::pin(pending())
    }
}

/// Connects to nodes by their numbers.
struct Dialer(Vec<Arc<Node>>);

impl Dial for Dialer {
    fn dial<'a>(
        &'a self,
        to: &'a Address,
        _: Instant,
    ) -> BoxFuture<'a, std::result::Result<Arc<dyn Connection>, Error>> {
        let number = match to {
            Address::Memory(number) => number.parse().ok(),
            _ => None,
        };
        let node = number.and_then(|number: usize| self.0.get(number).cloned());
        Box::pin(async move {
            let unknown = || Error::new(Class::ConnectFailed, format!("no node {to}"));
            Ok(Arc::new(Link(node.ok_or_else(unknown)?)) as Arc<dyn Connection>)
        })
    }
}

/// Nodes and a channel to all of them.
pub(super) struct Fleet {
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) channel: Channel,
    _registrations: Vec<Registration>,
}

impl Fleet {
    /// Healthy nodes, in so many zones in turn; the client is in the first one.
    pub(super) async fn start(count: usize, zones: usize, mode: &Mode) -> Result<Self> {
        let nodes: Vec<_> = (1..).map(Node::new).map(Arc::new).take(count).collect();
        let name: ServiceName = "fleet".parse()?;
        let registry = MemoryRegistry::new();
        let mut registrations = Vec::new();
        for number in 0..count {
            let id = format!("node-{number:03}").parse()?;
            let address = Address::Memory(number.to_string());
            let instance = Instance::new(name.clone(), id, PROTOCOL, address);
            let instance = instance.with_zone(zone(number % zones));
            registrations.push(registry.register(instance).await?);
        }
        let (_, policies) = watch::channel(Policies::from_toml(mode.policies)?);
        let watch = registry.watch(&name);
        let config = ClientConfig {
            balancer: mode.balancer,
            ..ClientConfig::default()
        };
        let channel = Channel::builder(name, watch, PROTOCOL, Arc::new(Dialer(nodes.clone())))
            .config(&config)
            .zone(Some(&zone(0)))
            .policies(policies)
            .build();
        let near = count.div_ceil(zones);
        channel.ready(near).await;
        Ok(Self {
            nodes,
            channel,
            _registrations: registrations,
        })
    }

    /// Attempts that reached a node.
    pub(super) fn attempts(&self) -> u64 {
        self.nodes
            .iter()
            .map(|node| node.attempts.load(Relaxed))
            .sum()
    }
}

fn zone(number: usize) -> String {
    format!("zone-{number}")
}
