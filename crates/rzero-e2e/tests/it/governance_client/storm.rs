//! Total outage: how much load retries add.

use std::sync::Arc;
use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::parts::client::{Channel, ClientConfig};
use rzero::parts::core::{Address, Call, Duplex, Error, Service, Trailers};
use rzero::parts::registry::{Instance, MemoryRegistry, Registry};
use rzero::parts::server::App;
use rzero::parts::server::rt::Describe;
use rzero::{CallOptions, Class, Reply, Result};
use rzero_testing::{Echo, MemoryNet, PROTOCOL};

use super::fleet::{Fleet, MS, Mode};
use crate::support::{name, server_config, service_config};

#[tokio::test(start_paused = true)]
async fn retries_add_a_tenth_and_the_floor_under_total_outage() {
    // Without the breaker, which would keep most of the load away.
    let fleet = Fleet::start(4, "[policy]\noff = ['breaker']").await;
    fleet.set_all(Mode::Fail(Class::Unavailable));
    let (seconds, per_second) = (60, 100);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..seconds * per_second {
        let channel = fleet.channel.clone();
        calls.spawn(async move {
            let options = CallOptions::new().idempotent(true);
            let call = channel.unary(Echo::SAY, "x".into(), &options);
            call.await.unwrap_err();
        });
        tokio::time::sleep(10 * MS).await;
    }
    while calls.join_next().await.is_some() {}
    let (original, all) = (seconds * per_second, fleet.calls());
    // 3 a second, and those of one whole window may come at once.
    let floor = 3 * (seconds + 10);
    assert!(
        all - original <= original / 10 + floor,
        "{all} of {original}"
    );
    assert!(all - original >= original / 10, "{all}: the budget is used");
}

/// Passes calls on.
struct Relay(Channel);

impl Describe for Relay {
    fn describe(&self) -> &'static rzero::parts::core::ServiceDesc {
        Echo.describe()
    }
}

impl Service<Call<Bytes>> for Relay {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>, Error> {
        let options = CallOptions::new().idempotent(true);
        self.0.unary(Echo::SAY, call.body, &options).await
    }
}

impl Service<Call<Duplex>> for Relay {
    type Reply = Trailers;

    async fn call(&self, _: Call<Duplex>) -> Result<Trailers, Error> {
        Err(Error::internal("nothing streams here"))
    }
}

#[tokio::test(start_paused = true)]
async fn dead_leaf_behind_three_hops_gets_seven_calls() {
    let leaf = Fleet::start(2, "[policy]\noff = ['outlier']").await;
    leaf.set_all(Mode::Fail(Class::Unavailable));
    let net = MemoryNet::new();
    let app = App::new(service_config(), server_config()).unwrap();
    let app = app
        .serve(Relay(leaf.channel.clone()))
        .wire(net.wire("relay"));
    let handle = app.handle();
    let relay = tokio::spawn(app.run());
    handle.address(PROTOCOL).await.unwrap();
    let registry = MemoryRegistry::new();
    let address = Address::Memory("relay".into());
    let instance = Instance::new(name(), "relay".parse().unwrap(), PROTOCOL, address);
    let _registered = registry.register(instance).await.unwrap();
    let (watch, config) = (registry.watch(&name()), ClientConfig::default());
    let front = Channel::new(name(), watch, PROTOCOL, Arc::new(net), &config, None);
    let options = CallOptions::new()
        .idempotent(true)
        .deadline(Duration::from_secs(10));
    let call = front.unary(Echo::SAY, "x".into(), &options);
    assert_eq!(call.await.unwrap_err().class(), Class::Unavailable);
    assert_eq!(leaf.calls(), 7, "1 + 2 x 3 of 16");
    relay.abort();
}
