//! A folder for each test, and waiting for what is to be seen there.

use std::time::Duration;

use rzero_registry::{LocalRegistry, Snapshot, Watch};
use tempfile::TempDir;
use tokio::time::timeout;

/// A safety net only: nothing takes this long.
const WITHIN: Duration = Duration::from_secs(10);

pub(crate) fn registry() -> (TempDir, LocalRegistry) {
    let dir = tempfile::tempdir().unwrap();
    let registry = LocalRegistry::open(dir.path()).unwrap();
    (dir, registry)
}

pub(crate) async fn see(watch: &mut Watch, holds: impl Fn(&Snapshot) -> bool) {
    let seen = async {
        while !holds(&watch.current()) {
            assert!(watch.changed().await);
        }
    };
    let outcome = timeout(WITHIN, seen).await;
    assert!(outcome.is_ok(), "{watch:?}");
}

pub(crate) async fn see_count(watch: &mut Watch, count: usize) {
    see(watch, |snapshot| {
        snapshot.status.is_known() && snapshot.instances.len() == count
    })
    .await;
}
