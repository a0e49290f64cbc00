//! The conformance suite on all back ends of this crate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rzero_registry::conformance::{self, Subject};
use rzero_registry::{LocalRegistry, MemoryRegistry};

#[tokio::test(flavor = "multi_thread")]
async fn local_back_end_conforms() {
    let (dir, _registry) = crate::support::registry();
    let path = dir.path().to_owned();
    let subject = Subject::new(move || Arc::new(LocalRegistry::open(&path).unwrap()));
    conformance::run(&subject).await;
}

#[tokio::test]
async fn memory_back_end_conforms() {
    let registry = MemoryRegistry::new();
    conformance::run(&Subject::new(move || Arc::new(registry.clone()))).await;
}

#[tokio::test]
async fn killed_process_vanishes_within_three_seconds() {
    let (_dir, subject) = shared_with_child("killed");
    let took = conformance::killed_process_vanishes(&subject, "suite::child_waits_to_be_killed");
    let took = took.await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn hung_process_vanishes_and_returns() {
    let (_dir, subject) = shared_with_child("hung");
    let child = "suite::child_waits_to_hang";
    let took = conformance::hung_process_vanishes_and_returns(&subject, child).await;
    // 5 to 6 s by design; the rest is for a busy machine.
    let expected = Duration::from_secs(4)..Duration::from_secs(12);
    assert!(expected.contains(&took), "{took:?}");
}

#[tokio::test]
async fn child_waits_to_be_killed() {
    live_as_child("killed").await;
}

#[tokio::test]
async fn child_waits_to_hang() {
    live_as_child("hung").await;
}

async fn live_as_child(label: &str) {
    let Some(service) = conformance::child_service() else {
        return;
    };
    let dir = dir_for_child(std::os::unix::process::parent_id(), label);
    let registry = LocalRegistry::open(dir).unwrap();
    conformance::live_as_child(&registry, &service).await;
}

/// A folder that a child of this process finds.
fn shared_with_child(label: &str) -> (Folder, Subject) {
    let dir = dir_for_child(std::process::id(), label);
    let path = dir.clone();
    let subject = Subject::new(move || Arc::new(LocalRegistry::open(&path).unwrap()));
    (Folder(dir), subject.within(Duration::from_secs(30)))
}

fn dir_for_child(parent: u32, label: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rzero-local-{parent}-{label}"))
}

/// Removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // It may not exist, if the test failed early.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
