//! The conformance suite on all back ends of this crate.

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
    let dir = std::env::temp_dir().join(format!("rzero-local-{}", std::process::id()));
    let path = dir.clone();
    let subject = Subject::new(move || Arc::new(LocalRegistry::open(&path).unwrap()))
        .within(Duration::from_secs(30));
    // The child finds its folder by the id of its parent.
    let took = conformance::killed_process_vanishes(&subject, "suite::child_waits_to_be_killed");
    let took = took.await;
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn child_waits_to_be_killed() {
    let Some(service) = conformance::child_service() else {
        return;
    };
    let dir = std::env::temp_dir().join(format!(
        "rzero-local-{}",
        std::os::unix::process::parent_id()
    ));
    let registry = LocalRegistry::open(dir).unwrap();
    conformance::live_as_child(&registry, &service).await;
}
