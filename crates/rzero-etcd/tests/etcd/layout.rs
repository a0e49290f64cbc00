//! The keys, seen with a client that knows nothing of registries.

use std::time::Duration;

use etcd_client::{GetOptions, PutOptions};
use rzero_registry::conformance::{instance, unique_service};
use rzero_registry::{Registry, Weight};

use crate::drill::{Drill, addresses, registry, until};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn keys_are_go_zeros_and_ours_on_one_lease() {
    let drill = Drill::start().await;
    let mut client = drill.client().await;
    let prefix = Some(GetOptions::new().with_prefix());
    let answer = client
        .get(format!("{}/", drill.service), prefix.clone())
        .await
        .unwrap();
    assert_eq!(answer.kvs().len(), 3);
    for kv in answer.kvs() {
        let (_, lease) = kv.key_str().unwrap().rsplit_once('/').unwrap();
        assert_eq!(lease.parse::<i64>().unwrap(), kv.lease());
        let meta = format!("/rzero/meta/{}/{lease}", drill.service);
        let meta = client.get(meta, None).await.unwrap();
        let meta = &meta.kvs()[0];
        assert_eq!(meta.lease(), kv.lease());
        assert_eq!(meta.mod_revision(), kv.mod_revision(), "one transaction");
        let json: serde_json::Value = serde_json::from_slice(meta.value()).unwrap();
        assert_eq!(json["addr"], kv.value_str().unwrap());
    }
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn entry_of_go_zero_is_an_instance_of_default_weight() {
    let drill = Drill::start().await;
    let mut client = drill.client().await;
    let service = unique_service("foreign");
    let watch = registry(&drill.config).watch(&service);
    let mut revision = 0;
    for _ in 0..2 {
        // Twice: one address under two leases is one instance.
        let lease = client.lease_grant(60, None).await.unwrap().id();
        let options = PutOptions::new().with_lease(lease);
        let put = client.put(format!("{service}/{lease}"), "10.0.0.9:8080", Some(options));
        revision = put.await.unwrap().header().unwrap().revision();
    }
    assert!(revision > 0);
    until("it is seen", SOON, async || {
        watch.current().instances.len() == 1
    })
    .await;
    let seen = watch.current();
    let seen = &seen.instances[0];
    assert_eq!(
        seen.address("grpc"),
        Some(&"10.0.0.9:8080".parse().unwrap())
    );
    assert_eq!(seen.weight, Weight::default());
    assert!(seen.lane.is_base() && seen.version.is_empty());
    let services = registry(&drill.config).services().await.unwrap();
    assert!(
        services.contains(&service) && services.contains(&drill.service),
        "{services:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn instance_that_closed_is_out_of_go_zeros_sight_at_once() {
    let mut drill = Drill::start().await;
    let mut client = drill.client().await;
    let guard = drill.guards.pop().unwrap();
    guard.close().await.unwrap();
    assert_eq!(addresses(&mut client, &drill.service).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn lanes_are_exposed_only_on_demand() {
    let drill = Drill::start().await;
    let mut client = drill.client().await;
    let service = unique_service("lanes");
    let gray = || instance(&service, 7).with_lane("gray".parse().unwrap());
    let hidden = registry(&drill.config).register(gray()).await.unwrap();
    assert!(addresses(&mut client, &service).await.is_empty());
    let mut config = drill.config.clone();
    config.expose_lanes = true;
    let registry = registry(&config);
    let _exposed = registry.register(gray()).await.unwrap();
    assert_eq!(addresses(&mut client, &service).await.len(), 1);
    hidden.close().await.unwrap();
    let watch = registry.watch(&service);
    until("the gray one is seen", SOON, async || {
        watch.current().instances.len() == 1
    })
    .await;
    assert_eq!(watch.current().instances[0].lane.as_str(), "gray");
}
