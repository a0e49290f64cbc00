//! A plain call allocates nothing, whatever governs it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod counting;

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
use tokio::sync::watch;
use tokio::time::Instant;

/// The shortest wire there is: it answers every message with itself, at once.
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
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, Error>> {
        Box::pin(async { Ok(Arc::new(Self) as Arc<dyn Connection>) })
    }
}

const NODES: usize = 4;
const CALLS: u64 = 2_000;

async fn channel(policies: &str) -> Channel {
    let name: ServiceName = "mirror".parse().unwrap();
    let registry = MemoryRegistry::new();
    for number in 0..NODES {
        let address = Address::Memory(number.to_string());
        let id = format!("node-{number}").parse().unwrap();
        let instance = Instance::new(name.clone(), id, "mirror", address);
        // Never withdrawn: dropping a registration would take the instance back.
        std::mem::forget(registry.register(instance).await.unwrap());
    }
    let watch = registry.watch(&name);
    let (_, policies) = watch::channel(Policies::from_toml(policies).unwrap());
    let channel = Channel::builder(name, watch, "mirror", Arc::new(Mirror))
        .caller(Some("me@1.0.0".into()))
        .policies(policies)
        .build();
    channel.ready(NODES).await;
    channel
}

/// Allocations of `CALLS` calls on a warm channel.
async fn allocations(channel: &Channel, method: Method) -> u64 {
    let options = CallOptions::new();
    let call = || channel.unary(method, Bytes::from_static(b"hello"), &options);
    for _ in 0..100 {
        call().await.unwrap();
    }
    let before = counting::count();
    for _ in 0..CALLS {
        assert_eq!(call().await.unwrap().body, "hello");
    }
    counting::count() - before
}

const OFF: &str = r#"
    [policy]
    off = ["breaker", "retry", "hedge", "outlier", "slow_start", "subset", "zone"]
"#;

#[tokio::test]
async fn plain_successful_calls_allocate_nothing() {
    for idempotency in [Idempotency::Unknown, Idempotency::NoSideEffects] {
        let method = Method::dynamic("/a.Mirror/Say", Kind::Unary, idempotency).unwrap();
        for policies in ["", OFF] {
            let channel = channel(policies).await;
            assert_eq!(allocations(&channel, method).await, 0, "{policies:?}");
        }
    }
}

/// What this path may cost in the caller's future, which every call moves about.
#[tokio::test]
async fn future_of_a_call_stays_small() {
    let channel = channel("").await;
    let method = Method::dynamic("/a.Mirror/Say", Kind::Unary, Idempotency::Unknown).unwrap();
    let options = CallOptions::new();
    let call = channel.unary(method, Bytes::new(), &options);
    assert!(size_of_val(&call) <= 1_152, "{}", size_of_val(&call));
}
