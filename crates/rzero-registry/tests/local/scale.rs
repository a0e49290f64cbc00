//! Many instances in one folder.

use std::time::Duration;

use rzero_registry::conformance::{instance, unique_service};
use rzero_registry::{MemoryRegistry, Registry};
use tokio::time::Instant;

use crate::support::{registry, see_count};

#[tokio::test(flavor = "multi_thread")]
async fn more_instances_than_open_files_are_seen_and_leave() {
    let (_dir, registry) = registry();
    let service = unique_service("scale");
    let mut watch = registry.watch(&service);
    let mut guards = Vec::new();
    for port in 1..=300 {
        guards.push(registry.register(instance(&service, port)).await.unwrap());
    }
    see_count(&mut watch, 300).await;
    guards.truncate(10);
    see_count(&mut watch, 10).await;
}

#[tokio::test]
async fn thousands_of_registrations_in_memory_take_seconds() {
    let registry = MemoryRegistry::new();
    let service = unique_service("memory-scale");
    let mut watch = registry.watch(&service);
    let start = Instant::now();
    let mut guards = Vec::new();
    for port in 1..=4000 {
        guards.push(registry.register(instance(&service, port)).await.unwrap());
    }
    see_count(&mut watch, 4000).await;
    for guard in guards.drain(10..) {
        guard.close().await.unwrap();
    }
    see_count(&mut watch, 10).await;
    // A few seconds in a debug build. Going through the whole list with each took minutes.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(40), "{took:?}");
}
