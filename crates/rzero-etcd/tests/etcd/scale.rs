//! Many instances.

use std::collections::BTreeSet;
use std::time::Duration;

use etcd_client::{EventType, WatchOptions};
use rzero_registry::Registry;
use rzero_registry::conformance::instance;

use crate::drill::{Drill, FLEET, registry, until};

const GRAY: u16 = 10_000;
const BATCH: u16 = 500;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn ten_thousand_gray_instances_are_never_seen_by_go_zero() {
    let drill = Drill::start().await;
    let stable: BTreeSet<u16> = (1..=FLEET).collect();
    // What a go-zero subscriber does: every value below the prefix is an address.
    let mut client = drill.client().await;
    let options = WatchOptions::new().with_prefix().with_start_revision(1);
    let mut plain = client
        .watch(format!("{}/", drill.service), Some(options))
        .await
        .unwrap();
    // In one process: renewing so many leases all the time is not what is tested.
    let mut config = drill.config.clone();
    config.lease = Duration::from_secs(20);
    let registry = registry(&config);
    let watch = registry.watch(&drill.service);
    let gray: rzero_core::Lane = "gray".parse().unwrap();
    for batch in (0..GRAY).step_by(usize::from(BATCH)) {
        let ports = (10_001 + batch)..(10_001 + batch + BATCH);
        let instances = ports.map(|port| instance(&drill.service, port).with_lane(gray.clone()));
        let registering: Vec<_> = instances
            .map(|instance| {
                let registry = registry.clone();
                tokio::spawn(async move { registry.register(instance).await.unwrap() })
            })
            .collect();
        let mut guards = Vec::new();
        for registered in registering {
            guards.push(registered.await.unwrap());
        }
        let all = usize::from(FLEET + BATCH);
        until("all are seen by us", PATIENCE, async || {
            watch.current().instances.len() == all
        })
        .await;
        let snapshot = watch.current();
        let base: BTreeSet<u16> = ports_of(&snapshot.instances, |lane| lane.is_base());
        assert_eq!(base, stable);
        let closing: Vec<_> = guards
            .into_iter()
            // 500 at once may take a busy machine longer than the 2 s that closing waits. That all
            // leave is seen below, and whoever was too slow leaves with its lease.
            .map(|guard| tokio::spawn(async move { drop(guard.close().await) }))
            .collect();
        for closed in closing {
            closed.await.unwrap();
        }
        until("all have left", PATIENCE, async || {
            watch.current().instances.len() == usize::from(FLEET)
        })
        .await;
    }
    // An end mark, so that everything before it has arrived.
    client
        .put(format!("{}/end", drill.service), "127.0.0.1:9", None)
        .await
        .unwrap();
    let mut seen = BTreeSet::new();
    'watching: while let Some(message) = plain.message().await.unwrap() {
        for event in message.events() {
            if event.event_type() == EventType::Put {
                let kv = event.kv().unwrap();
                if kv.key().ends_with(b"/end") {
                    break 'watching;
                }
                let (_, port) = kv.value_str().unwrap().rsplit_once(':').unwrap();
                seen.insert(port.parse::<u16>().unwrap());
            }
        }
    }
    assert_eq!(seen, stable);
    drill.nobody_went_short();
}

fn ports_of(
    instances: &[std::sync::Arc<rzero_registry::Instance>],
    wanted: impl Fn(&rzero_core::Lane) -> bool,
) -> BTreeSet<u16> {
    let chosen = instances.iter().filter(|instance| wanted(&instance.lane));
    let ports = chosen.map(|instance| match instance.address("grpc") {
        Some(rzero_core::Address::Tcp { port, .. }) => *port,
        other => panic!("not a TCP address: {other:?}"),
    });
    ports.collect()
}
