//! What happens to etcd, and that nobody notices.

use std::time::Duration;

use etcd_client::DeleteOptions;
use rzero_harness::{Fault, FaultProxy};
use rzero_registry::conformance::{instance, unique_service};
use rzero_registry::{RegistrationStatus, Registry, Status};
use tokio::time::{Instant, timeout};

use crate::drill::{Drill, LEASE, Observer, RETURN_WITHIN, config, registry, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn killed_leader_is_not_missed() {
    let mut drill = Drill::start().await;
    for _ in 0..2 {
        let leader = drill.hurt(|etcd| etcd.leader()).unwrap();
        drill.hurt(|etcd| etcd.member(leader).kill()).unwrap();
        drill.hurt(|etcd| etcd.leader()).unwrap();
        drill.recovers().await;
        drill.hurt(|etcd| etcd.member(leader).restart()).unwrap();
        drill.hurt(|etcd| etcd.wait_ready()).unwrap();
    }
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn members_killed_in_turn_are_not_missed() {
    let mut drill = Drill::start().await;
    for index in 0..3 {
        drill.hurt(|etcd| etcd.member(index).kill()).unwrap();
        drill.recovers().await;
        drill.hurt(|etcd| etcd.member(index).restart()).unwrap();
        drill.hurt(|etcd| etcd.wait_ready()).unwrap();
    }
    drill.nobody_went_short();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn stopped_cluster_that_starts_again_is_rejoined() {
    let mut drill = Drill::start().await;
    drill.hurt(|etcd| etcd.stop_all()).unwrap();
    drill.is_noticed().await;
    // Longer than the lease: whoever depends on it is gone.
    let long = Instant::now() + 2 * LEASE;
    until("the outage is long", 3 * LEASE, async || {
        Instant::now() > long
    })
    .await;
    drill.revive().await;
    drill.recovers().await;
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn store_that_returns_empty_empties_nobody() {
    let mut drill = Drill::start().await;
    drill.hurt(|etcd| etcd.wipe_all()).unwrap();
    drill.revive().await;
    drill.recovers().await;
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn cluster_that_hangs_longer_than_the_lease_empties_nobody() {
    let mut drill = Drill::start().await;
    for index in 0..3 {
        drill.hurt(|etcd| etcd.member(index).pause()).unwrap();
    }
    drill.is_noticed().await;
    let long = Instant::now() + 2 * LEASE;
    until("the outage is long", 3 * LEASE, async || {
        Instant::now() > long
    })
    .await;
    for index in 0..3 {
        drill.hurt(|etcd| etcd.member(index).resume()).unwrap();
    }
    drill.hurt(|etcd| etcd.wait_ready()).unwrap();
    drill.recovers().await;
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn leader_that_hangs_is_left() {
    let mut drill = Drill::start().await;
    let leader = drill.hurt(|etcd| etcd.leader()).unwrap();
    drill.hurt(|etcd| etcd.member(leader).pause()).unwrap();
    drill.hurt(|etcd| etcd.leader()).unwrap();
    let long = Instant::now() + 2 * LEASE;
    until("the hang is long", 3 * LEASE, async || {
        Instant::now() > long
    })
    .await;
    drill.recovers().await;
    drill.hurt(|etcd| etcd.member(leader).resume()).unwrap();
    drill.hurt(|etcd| etcd.wait_ready()).unwrap();
    drill.recovers().await;
    drill.nobody_went_short();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn compaction_is_survived() {
    let mut drill = Drill::start().await;
    let mut client = drill.client().await;
    let mut revision = 0;
    for n in 0..50 {
        let answer = client.put("unrelated", n.to_string(), None).await.unwrap();
        revision = answer.header().unwrap().revision();
    }
    client.compact(revision, None).await.unwrap();
    // The members are asked to resume from before the compaction.
    for index in 0..3 {
        drill.hurt(|etcd| etcd.member(index).kill()).unwrap();
        drill.hurt(|etcd| etcd.member(index).restart()).unwrap();
        drill.hurt(|etcd| etcd.wait_ready()).unwrap();
    }
    drill.recovers().await;
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn revoked_leases_are_replaced() {
    let drill = Drill::start().await;
    let mut client = drill.client().await;
    let leases: Vec<i64> = client
        .leases()
        .await
        .unwrap()
        .leases()
        .iter()
        .map(|l| l.id())
        .collect();
    assert_eq!(leases.len(), 3);
    for lease in leases {
        client.lease_revoke(lease).await.unwrap();
    }
    let took = drill.recovers().await;
    assert!(took < RETURN_WITHIN, "{took:?}");
    // Revoked one by one the first two vanish, as they should when nobody can tell them from the
    // dead; but never the last.
    for observer in &drill.observers {
        observer.never_below(1);
    }
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn deleted_keys_are_put_back() {
    let drill = Drill::start().await;
    let mut client = drill.client().await;
    let prefixes = [
        format!("{}/", drill.service),
        format!("/rzero/meta/{}/", drill.service),
        "/".to_owned(),
    ];
    for prefix in prefixes {
        let options = DeleteOptions::new().with_prefix();
        client.delete(prefix, Some(options)).await.unwrap();
        let took = drill.recovers().await;
        assert!(took < RETURN_WITHIN, "{took:?}");
    }
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn whole_store_deleted_empties_nobody() {
    let drill = Drill::start().await;
    let mut client = drill.client().await;
    let options = DeleteOptions::new().with_all_keys();
    client.delete("", Some(options)).await.unwrap();
    drill.recovers().await;
    drill.nobody_went_short();
    drill.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn silent_network_is_noticed_and_survived() {
    let drill = Drill::start().await;
    let endpoints = drill.etcd.endpoints();
    let proxy = FaultProxy::start(endpoints[0].as_str()).unwrap();
    let behind = config(vec![proxy.endpoint()]);
    let observer = Observer::start(registry(&behind).watch(&drill.service)).await;
    let service = unique_service("behind");
    let guard = registry(&behind)
        .register(instance(&service, 1))
        .await
        .unwrap();
    assert_eq!(guard.status().current(), RegistrationStatus::Registered);
    proxy.set(Fault::Blackhole);
    until(
        "the silence is noticed",
        Duration::from_secs(20),
        async || {
            let away = matches!(
                guard.status().current(),
                RegistrationStatus::Retrying { .. }
            );
            away && matches!(observer.watch.current().status, Status::Stale(_))
        },
    )
    .await;
    proxy.set(Fault::Forward);
    assert!(
        timeout(RETURN_WITHIN, guard.status().registered())
            .await
            .unwrap()
    );
    until("the watch is live", 4 * RETURN_WITHIN, async || {
        observer.watch.current().status == Status::Live
    })
    .await;
    observer.never_below(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn silent_endpoint_does_not_hold_up_the_others() {
    let drill = Drill::start().await;
    let endpoints = drill.etcd.endpoints();
    let proxy = FaultProxy::start(endpoints[0].as_str()).unwrap();
    proxy.set(Fault::Blackhole);
    let mixed = config(vec![proxy.endpoint(), endpoints[1].clone()]);
    // The silent endpoint never answers: a watch that waited for it would not begin.
    let observer = Observer::start(registry(&mixed).watch(&drill.service)).await;
    observer.never_below(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn cluster_that_is_away_at_the_start_is_joined_later() {
    let mut drill = Drill::start().await;
    drill.hurt(|etcd| etcd.kill_all()).unwrap();
    let registry = registry(&drill.config);
    let service = unique_service("early");
    let guard = registry.register(instance(&service, 1)).await.unwrap();
    let status = format!("{:?}", guard.status().current());
    assert!(status.contains("etcd is away"), "{status}");
    let watch = registry.watch(&service);
    assert_eq!(watch.current().status, Status::Pending);
    drill.revive().await;
    assert!(
        timeout(RETURN_WITHIN, guard.status().registered())
            .await
            .unwrap()
    );
    until("it is seen", RETURN_WITHIN, async || {
        watch.current().instances.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn instance_that_closes_while_a_watcher_is_away_is_not_kept() {
    let mut drill = Drill::start().await;
    let endpoints = drill.etcd.endpoints();
    let proxy = FaultProxy::start(endpoints[0].as_str()).unwrap();
    let behind = config(vec![proxy.endpoint()]);
    let observer = Observer::start(registry(&behind).watch(&drill.service)).await;
    proxy.set(Fault::Refuse);
    until("the watcher is away", Duration::from_secs(20), async || {
        matches!(observer.watch.current().status, Status::Stale(_))
    })
    .await;
    for guard in drill.guards.drain(..) {
        guard.close().await.unwrap();
    }
    proxy.set(Fault::Forward);
    until("all have left", RETURN_WITHIN, async || {
        let snapshot = observer.watch.current();
        snapshot.status == Status::Live && snapshot.instances.is_empty()
    })
    .await;
}
