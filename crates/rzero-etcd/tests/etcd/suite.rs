//! The conformance suite of all registries, on etcd.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rzero_harness::{EtcdCluster, EtcdOptions, etcd_from_env};
use rzero_registry::conformance::{self, Subject};

use crate::drill::{LEASE, cluster, config, registry};

/// The shared server, or one of our own.
fn endpoints() -> (Option<EtcdCluster>, Vec<String>) {
    match etcd_from_env() {
        Some(endpoints) => (None, endpoints),
        None => {
            let etcd = cluster(EtcdOptions::new(1));
            let endpoints = etcd.endpoints();
            (Some(etcd), endpoints)
        }
    }
}

fn subject(endpoints: Vec<String>) -> Subject {
    let config = config(endpoints);
    Subject::new(move || Arc::new(registry(&config)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn etcd_conforms() {
    let (_etcd, endpoints) = endpoints();
    conformance::run(&subject(endpoints)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn etcd_conforms_under_a_prefix() {
    let (_etcd, endpoints) = endpoints();
    let mut config = config(endpoints);
    config.key_prefix = "team/".to_owned();
    let subject = Subject::new(move || Arc::new(registry(&config)));
    conformance::run(&subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn killed_process_vanishes_with_its_lease() {
    let (_etcd, endpoints) = endpoints();
    let note = note_for_child(std::process::id());
    fs::write(&note, endpoints.join(",")).unwrap();
    let subject = subject(endpoints).within(Duration::from_secs(30));
    let took = conformance::killed_process_vanishes(&subject, "suite::child_waits_to_be_killed");
    let took = took.await;
    fs::remove_file(note).unwrap();
    assert!(took < LEASE + Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn child_waits_to_be_killed() {
    let Some(service) = conformance::child_service() else {
        return;
    };
    let note = note_for_child(std::os::unix::process::parent_id());
    let endpoints = fs::read_to_string(note).unwrap();
    let endpoints = endpoints.split(',').map(str::to_owned).collect();
    conformance::live_as_child(&registry(&config(endpoints)), &service).await;
}

/// Tells a child where its parent's etcd is.
fn note_for_child(parent: u32) -> PathBuf {
    std::env::temp_dir().join(format!("rzero-etcd-{parent}"))
}
