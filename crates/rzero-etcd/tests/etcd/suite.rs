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
    let (_note, subject) = shared_with_child(endpoints, "killed");
    let child = "suite::child_waits_to_be_killed";
    let took = conformance::killed_process_vanishes(&subject, child).await;
    assert!(took < LEASE + Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn hung_process_vanishes_with_its_lease_and_returns() {
    let (_etcd, endpoints) = endpoints();
    let (_note, subject) = shared_with_child(endpoints, "hung");
    let child = "suite::child_waits_to_hang";
    let took = conformance::hung_process_vanishes_and_returns(&subject, child).await;
    assert!(took < LEASE + Duration::from_secs(3), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn child_waits_to_be_killed() {
    live_as_child("killed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn child_waits_to_hang() {
    live_as_child("hung").await;
}

async fn live_as_child(label: &str) {
    let Some(service) = conformance::child_service() else {
        return;
    };
    let note = note_for_child(std::os::unix::process::parent_id(), label);
    let endpoints = fs::read_to_string(note).unwrap();
    let endpoints = endpoints.split(',').map(str::to_owned).collect();
    conformance::live_as_child(&registry(&config(endpoints)), &service).await;
}

/// A subject, and a note that tells a child of this process where it is.
fn shared_with_child(endpoints: Vec<String>, label: &str) -> (Note, Subject) {
    let note = note_for_child(std::process::id(), label);
    fs::write(&note, endpoints.join(",")).unwrap();
    (
        Note(note),
        subject(endpoints).within(Duration::from_secs(30)),
    )
}

fn note_for_child(parent: u32, label: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rzero-etcd-{parent}-{label}"))
}

/// Removed when dropped.
struct Note(PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        // A leftover in the folder for temporary files harms nobody.
        let _ = fs::remove_file(&self.0);
    }
}
