//! The client chain alone: below it is the shortest wire there is.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use rzero_client::{CallOptions, Channel};
use rzero_core::{
    Address, BoxFuture, Call, CallInfo, Connection, Dial, Duplex, Error, Gone, Idempotency, Kind,
    Load, Method, Reply, UnaryReply,
};
use rzero_policy::Policies;
use rzero_registry::{Instance, MemoryRegistry, Registry, ServiceName};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

use super::NODES;
use super::turns::Subject;
use crate::Result;

const GROUP: &str = "client";
const PROTOCOL: &str = "mirror";

/// What each subject leaves switched on; what it names otherwise is off.
const POLICIES: [(&str, &str); 9] = [
    (
        "off",
        "timeout = 'never'\noff = ['breaker', 'retry', 'outlier', 'slow_start', 'zone', 'subset']",
    ),
    (
        "timeout",
        "off = ['breaker', 'retry', 'outlier', 'slow_start', 'zone', 'subset']",
    ),
    (
        "breaker",
        "timeout = 'never'\noff = ['retry', 'outlier', 'slow_start', 'zone', 'subset']",
    ),
    (
        "retry",
        "timeout = 'never'\noff = ['breaker', 'outlier', 'slow_start', 'zone', 'subset']",
    ),
    (
        "outlier",
        "timeout = 'never'\noff = ['breaker', 'retry', 'slow_start', 'zone', 'subset']",
    ),
    (
        "slow_start",
        "timeout = 'never'\noff = ['breaker', 'retry', 'outlier', 'zone', 'subset']",
    ),
    (
        "zone",
        "timeout = 'never'\noff = ['breaker', 'retry', 'outlier', 'slow_start', 'subset']",
    ),
    ("default", ""),
    (
        "default + hedge",
        "hedge.enabled = true\nhedge.delay = '1s'",
    ),
];

/// A call on the wire alone, and the chain under each policy.
pub(super) fn subjects(background: &Runtime) -> Result<Vec<Subject>> {
    // Idempotent, so that retries get ready too.
    let method = Method::dynamic("/a.Mirror/Say", Kind::Unary, Idempotency::NoSideEffects)?;
    let mirror: Arc<dyn Connection> = Arc::new(Mirror);
    let bare = Subject::each(GROUP, "bare", move |runtime, count| {
        runtime.block_on(async {
            for _ in 0..count {
                let info = CallInfo::new(method, Instant::now());
                let body = Bytes::from_static(b"hello");
                let reply = mirror.unary(Call { info, body }).await;
                assert!(reply.is_ok(), "{reply:?}");
            }
        });
    });
    let mut subjects = vec![bare];
    for (name, policies) in POLICIES {
        let channel = background.block_on(channel(policies))?;
        let options = CallOptions::new();
        subjects.push(Subject::each(GROUP, name, move |runtime, count| {
            runtime.block_on(async {
                for _ in 0..count {
                    let body = Bytes::from_static(b"hello");
                    let reply = channel.unary(method, body, &options).await;
                    assert!(reply.is_ok(), "{reply:?}");
                }
            });
        }));
    }
    Ok(subjects)
}

/// A channel to some nodes in two zones.
async fn channel(policies: &str) -> Result<Channel> {
    let name: ServiceName = PROTOCOL.parse()?;
    let registry = MemoryRegistry::new();
    for number in 0..NODES {
        let id = format!("node-{number}").parse()?;
        let address = Address::Memory(number.to_string());
        let zone = if number % 2 == 0 { "here" } else { "there" };
        let instance = Instance::new(name.clone(), id, PROTOCOL, address).with_zone(zone);
        // Dropped, a registration would take its instance back.
        std::mem::forget(registry.register(instance).await?);
    }
    let watch = registry.watch(&name);
    let (_, policies) = watch::channel(Policies::from_toml(&format!("[policy]\n{policies}"))?);
    let channel = Channel::builder(name, watch, PROTOCOL, Arc::new(Mirror))
        .caller(Some("bench@1.0.0".into()))
        .zone(Some("here"))
        .policies(policies)
        .build();
    channel.ready(NODES / 2).await;
    Ok(channel)
}

/// Answers every message with itself, at once.
struct Mirror;

impl Connection for Mirror {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        UnaryReply::ready(Ok(Reply::new(call.body)))
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

impl Dial for Mirror {
    fn dial<'a>(
        &'a self,
        _: &'a Address,
        _: Instant,
    ) -> BoxFuture<'a, std::result::Result<Arc<dyn Connection>, Error>> {
        Box::pin(async { Ok(Arc::new(Self) as Arc<dyn Connection>) })
    }
}
