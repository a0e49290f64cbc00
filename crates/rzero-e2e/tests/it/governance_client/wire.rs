//! Over gRPC and real sockets.

use std::time::Duration;

use rzero::CallOptions;
use rzero::parts::client::{Channel, ClientConfig};
use rzero_e2e::api::peers::v1::{EchoClient, SayRequest};
use rzero_harness::{Fault, FaultProxy};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::fleet::MS;
use crate::support::{Cluster, Net, name};

/// Calls at an even rate until `over` says so; gives how many failed.
async fn load(client: &EchoClient, channel: &Channel, over: impl Fn(&Channel) -> bool) -> usize {
    let (mut calls, mut ticks) = (JoinSet::new(), interval(5 * MS));
    while !over(channel) {
        ticks.tick().await;
        let client = client.clone();
        calls.spawn(async move {
            let options = CallOptions::new().idempotent(true);
            let call = client.say_with(SayRequest::default(), &options);
            call.await.is_err()
        });
    }
    let all = calls.join_all().await;
    all.into_iter().filter(|failed| *failed).count()
}

/// A host that hangs: its connection stands, and no byte passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hung_host_is_ejected_and_idempotent_calls_do_not_fail() {
    let cluster = Cluster::new(Net::Grpc);
    let mut servers = Vec::new();
    for id in ["a", "b", "c"] {
        servers.push(cluster.start(id).await);
    }
    let (app, logic) = cluster.app("hidden");
    let hidden = cluster.run(app, logic).await;
    let proxy = FaultProxy::start(hidden.address.to_string().as_str()).unwrap();
    let endpoint = proxy.endpoint();
    let address = endpoint.trim_start_matches("http://").parse().unwrap();
    let _registered = cluster.register(address).await;
    let policies = "[policy]\nattempt_timeout = '300ms'";
    let policies = rzero_policy::Policies::from_toml(policies).unwrap();
    let (_policies, watch) = tokio::sync::watch::channel(policies);
    let instances = rzero::parts::registry::Registry::watch(&*cluster.registry, &name());
    let channel = Channel::builder(name(), instances, "grpc", cluster.net.dial())
        .config(&ClientConfig::default())
        .policies(watch)
        .build();
    channel.ready(4).await;
    let client = EchoClient::new(channel.clone());
    for _ in 0..200 {
        client.say(SayRequest::default()).await.unwrap();
    }
    proxy.set(Fault::Blackhole);
    let ejected = |channel: &Channel| channel.nodes().iter().any(|node| node.ejected);
    let patience = Duration::from_secs(20);
    let failed = tokio::time::timeout(patience, load(&client, &channel, ejected));
    assert_eq!(failed.await.unwrap(), 0);
    for _ in 0..100 {
        client.say(SayRequest::default()).await.unwrap();
    }
    assert!(channel.nodes().iter().all(|node| node.in_flight == 0));
}
