//! Users and certificates.

use std::fs;
use std::time::Duration;

use rzero_config::Secret;
use rzero_core::Class;
use rzero_etcd::EtcdTls;
use rzero_harness::{Certificates, EtcdOptions};
use rzero_registry::conformance::{instance, unique_service};
use rzero_registry::{RegistrationStatus, Registry, Status, Update, Weight};
use tokio::time::{Instant, timeout};

use crate::drill::{Drill, RETURN_WITHIN, cluster, config, registry, until};

const TOKEN_TTL: Duration = Duration::from_secs(2);

/// A cluster that asks for users, and a fleet that knows the password.
async fn guarded() -> Drill {
    let etcd = cluster(EtcdOptions::new(3).auth_token_ttl(TOKEN_TTL));
    for command in [
        &["user", "add", "root:hunter2"][..],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        etcd.etcdctl(command).unwrap();
    }
    let mut config = config(etcd.endpoints());
    config.user = Some("root".to_owned());
    config.password = Some(Secret::new("hunter2"));
    Drill::on(etcd, config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn token_that_expired_is_renewed() {
    let mut drill = guarded().await;
    // One that does nothing meanwhile: a token expires without use.
    let registry = registry(&drill.config);
    registry.services().await.unwrap();
    let idle = Instant::now() + 3 * TOKEN_TTL;
    until("tokens have expired", 4 * TOKEN_TTL, async || {
        Instant::now() > idle
    })
    .await;
    // Everything that asks for a token: the list, a new instance, a new watch, an update.
    assert_eq!(registry.services().await.unwrap(), [drill.service.clone()]);
    let service = unique_service("late");
    let guard = registry.register(instance(&service, 1)).await.unwrap();
    assert_eq!(guard.status().current(), RegistrationStatus::Registered);
    let watch = registry.watch(&service);
    until("it is seen", RETURN_WITHIN, async || {
        watch.current().instances.len() == 1
    })
    .await;
    let update = Update::new().weight(Weight::ZERO);
    drill.guards[0].update(update).await.unwrap();
    // Members forget tokens when they are started again.
    for index in 0..3 {
        drill.hurt(|etcd| etcd.member(index).kill()).unwrap();
        drill.hurt(|etcd| etcd.member(index).restart()).unwrap();
        drill.hurt(|etcd| etcd.wait_ready()).unwrap();
    }
    for observer in &drill.observers {
        until("watchers see the update", RETURN_WITHIN, async || {
            let snapshot = observer.watch.current();
            let updated = snapshot.instances.iter().any(|i| i.weight == Weight::ZERO);
            updated && snapshot.status == Status::Live
        })
        .await;
    }
    assert!(
        timeout(RETURN_WITHIN, guard.status().registered())
            .await
            .unwrap()
    );
    drill.nobody_went_short();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn store_that_forgot_its_users_is_rejoined() {
    let mut drill = guarded().await;
    drill.hurt(|etcd| etcd.wipe_all()).unwrap();
    drill.revive().await;
    drill.recovers().await;
    drill.nobody_went_short();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn wrong_password_is_told() {
    let drill = guarded().await;
    let mut config = drill.config.clone();
    config.password = Some(Secret::new("wrong"));
    let registry = registry(&config);
    let guard = registry
        .register(instance(&unique_service("wrong"), 1))
        .await
        .unwrap();
    let RegistrationStatus::Retrying { why } = guard.status().current() else {
        panic!("registered with a wrong password");
    };
    assert!(
        why.contains("etcd refuses") && why.contains("invalid user ID or password"),
        "{why}"
    );
    let error = registry.services().await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn user_who_may_only_write_is_told_and_does_not_hammer_etcd() {
    let etcd = cluster(EtcdOptions::new(1));
    let service = unique_service("write-only");
    let (addresses, metadata) = (format!("{service}/"), format!("/rzero/meta/{service}/"));
    for command in [
        &["role", "add", "writer"][..],
        &[
            "role",
            "grant-permission",
            "--prefix",
            "writer",
            "write",
            &addresses,
        ],
        &[
            "role",
            "grant-permission",
            "--prefix",
            "writer",
            "write",
            &metadata,
        ],
        &["user", "add", "writer:hunter2"],
        &["user", "grant-role", "writer", "writer"],
        &["user", "add", "root:hunter2"],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        etcd.etcdctl(command).unwrap();
    }
    let mut config = config(etcd.endpoints());
    config.user = Some("writer".to_owned());
    config.password = Some(Secret::new("hunter2"));
    let guard = registry(&config)
        .register(instance(&service, 1))
        .await
        .unwrap();
    // The keys can be written, but not watched: each session ends as soon as it began.
    let (mut status, mut changes, mut reasons) = (guard.status(), 0, Vec::new());
    let counting = async {
        while status.changed().await {
            changes += 1;
            if let RegistrationStatus::Retrying { why } = status.current() {
                reasons.push(why);
            }
        }
    };
    assert!(timeout(Duration::from_secs(4), counting).await.is_err());
    assert!(
        reasons.iter().any(|why| why.contains("permission denied")),
        "{reasons:?}"
    );
    // Waits of 50 ms to 1 s, two changes each.
    assert!((2..=24).contains(&changes), "{changes} changes in 4 s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn certificates_are_spoken() {
    let certificates = Certificates::generate("root").unwrap();
    let etcd = cluster(EtcdOptions::new(3).tls(certificates.clone()));
    let folder = etcd.folder().to_owned();
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let mut config = config(etcd.endpoints());
    config.tls = Some(EtcdTls {
        ca: write("ca.pem", &certificates.authority),
        cert: Some(write("cert.pem", &certificates.client)),
        key: Some(write("key.pem", &certificates.client_key)),
        server_name: None,
    });
    let mut drill = Drill::on(etcd, config).await;
    let leader = drill.hurt(|etcd| etcd.leader()).unwrap();
    drill.hurt(|etcd| etcd.member(leader).kill()).unwrap();
    for observer in &drill.observers {
        until("the watch goes on", 4 * RETURN_WITHIN, async || {
            observer.watch.current().status == Status::Live
        })
        .await;
    }
    drill.nobody_went_short();
    // Plaintext is refused, and that is told.
    let mut plain = drill.config.clone();
    plain.tls = None;
    let guard = registry(&plain)
        .register(instance(&unique_service("plain"), 1))
        .await
        .unwrap();
    assert_ne!(guard.status().current(), RegistrationStatus::Registered);
    drill.closes().await;
}
