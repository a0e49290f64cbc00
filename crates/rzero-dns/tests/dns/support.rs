//! Registries on a name server, and waiting for what they show.

use std::time::Duration;

use rzero_dns::{DnsConfig, DnsRegistry};
use rzero_registry::{Instance, Registry, ServiceName, Snapshot, Watch};
use tokio::time::timeout;

use crate::server::Server;

/// Only a safety net: every wait ends with an event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn service() -> ServiceName {
    "users".parse().unwrap()
}

/// Addresses under `users.svc`, asked for quickly.
pub(crate) fn config(server: &Server) -> DnsConfig {
    DnsConfig {
        name: Some("{service}.svc:80".into()),
        servers: vec![server.address()],
        timeout: Duration::from_secs(1),
        refresh_min: Duration::from_millis(100),
        ..DnsConfig::default()
    }
}

/// SRV records of `_grpc._tcp.users.svc`.
pub(crate) fn srv_config(server: &Server) -> DnsConfig {
    DnsConfig {
        name: Some("_grpc._tcp.{service}.svc".into()),
        ..config(server)
    }
}

pub(crate) fn watch(config: &DnsConfig) -> Watch {
    DnsRegistry::open(config).unwrap().watch(&service())
}

/// Waits for a snapshot of which something holds.
pub(crate) async fn until(watch: &mut Watch, holds: impl Fn(&Snapshot) -> bool) {
    let waiting = async {
        while !holds(&watch.current()) {
            assert!(watch.changed().await, "the watch has ended");
        }
    };
    let outcome = timeout(PATIENCE, waiting).await;
    assert!(outcome.is_ok(), "it stays {:?}", watch.current());
}

/// Waits for exactly these addresses, in this order.
pub(crate) async fn until_lists(watch: &mut Watch, expected: &[&str]) {
    until(watch, |snapshot| addresses(snapshot) == expected).await;
}

/// Waits for something that only the server can tell.
pub(crate) async fn until_true(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok());
}

pub(crate) fn addresses(snapshot: &Snapshot) -> Vec<String> {
    let address = |instance: &Instance| instance.address("grpc").unwrap().to_string();
    snapshot.instances.iter().map(|i| address(i)).collect()
}
