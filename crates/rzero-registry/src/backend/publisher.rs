//! Feeds watches through a keeper.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Keeper, KeeperConfig};
use crate::{Instance, InstanceId, Snapshot, Status};

/// Feeds the watches of one service with what a source says, through a [`Keeper`].
///
/// A snapshot is sent only when it differs from the last one.
#[derive(Debug)]
pub struct Publisher {
    keeper: Keeper,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Publisher {
    /// A publisher, and what watches read.
    pub(crate) fn new(config: KeeperConfig) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshots, receiver) = watch::channel(Arc::new(Snapshot::pending()));
        let keeper = Keeper::new(config);
        (Self { keeper, snapshots }, receiver)
    }

    /// As [`Keeper::deregistered`]; shows with the next list.
    pub fn deregistered(&mut self, id: &InstanceId) {
        self.keeper.deregistered(id);
    }

    /// Publishes what the source lists now, all of it.
    pub fn observe(&mut self, listed: impl IntoIterator<Item = Arc<Instance>>) {
        self.keeper.observe(listed, Instant::now());
        self.send();
    }

    /// As [`Keeper::joined`], and publishes it.
    pub fn joined(&mut self, instance: Arc<Instance>) {
        self.keeper.joined(instance, Instant::now());
        self.send();
    }

    /// As [`Keeper::left`], and publishes it.
    pub fn left(&mut self, id: &InstanceId) {
        self.keeper.left(id, Instant::now());
        self.send();
    }

    /// Publishes that the source is away; what was known stays.
    pub fn down(&mut self, why: impl Into<Arc<str>>) {
        self.keeper.down(why);
        self.send();
    }

    /// Waits until something that was kept is given up, and publishes that. For ever when nothing
    /// is kept.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn give_up(&mut self) {
        match self.keeper.deadline() {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
        self.keeper.tick(Instant::now());
        self.send();
    }

    /// What is published now.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    fn send(&self) {
        let snapshot = self.keeper.snapshot();
        self.snapshots.send_if_modified(|last| {
            if **last == snapshot {
                return false;
            }
            if let (Status::Live, Status::Stale(why)) = (&last.status, &snapshot.status) {
                tracing::debug!(%why, instances = snapshot.instances.len(), "discovery is stale");
            }
            *last = Arc::new(snapshot);
            true
        });
    }
}
