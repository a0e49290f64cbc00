//! Many instances in one folder.

use rzero_registry::Registry;
use rzero_registry::conformance::{instance, unique_service};

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
