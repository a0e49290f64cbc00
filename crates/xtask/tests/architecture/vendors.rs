//! Clients of back ends stay behind features: who does not use etcd does not compile its client.

use crate::workspace::default_tree;

/// Clients of vendors, and wires that are not ours. A name stands for its family as well:
/// `sqlx` also for `sqlx-core`.
const VENDORS: &[&str] = &[
    "async-nats",
    "etcd-client",
    "hickory",
    "k8s-openapi",
    "kube",
    "mysql_async",
    "nacos-sdk",
    "opentelemetry",
    "pgwire-replication",
    "rdkafka",
    "redis",
    "rs-consul",
    "sqlx",
    "tokio-postgres",
    "tonic",
    "tracing-opentelemetry",
    "zookeeper",
    "zookeeper-async",
    "zookeeper-client",
];

/// The vendor whose crate this is.
fn vendor(name: &str) -> Option<&'static str> {
    VENDORS.iter().copied().find(|vendor| {
        name.strip_prefix(vendor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

fn assert_free_of_vendors(package: &str) {
    let found: Vec<String> = default_tree(package)
        .into_iter()
        .filter(|name| vendor(name).is_some())
        .collect();
    assert!(
        found.is_empty(),
        "default features of {package} compile {}",
        found.join(", ")
    );
}

#[test]
fn facade_compiles_no_vendor_client() {
    assert_free_of_vendors("rzero");
}

#[test]
fn command_line_compiles_no_vendor_client() {
    assert_free_of_vendors("rzctl");
}

#[test]
fn families_are_recognised() {
    for name in [
        "sqlx",
        "sqlx-core",
        "opentelemetry_sdk",
        "tonic-prost",
        "redis",
    ] {
        assert!(vendor(name).is_some(), "{name}");
    }
    for name in ["redistribute", "kubernetes", "tokio", "rzero-etcd"] {
        assert!(vendor(name).is_none(), "{name}");
    }
}
