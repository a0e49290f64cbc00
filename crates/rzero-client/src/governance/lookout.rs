//! Who tells the task of a channel that a node has failed too often.

use arc_swap::ArcSwap;
use rzero_balance::{OutlierConfig, Streak};
use tokio::sync::Notify;

/// Calls that end with a failure come by here; the task of the channel waits here.
pub(crate) struct Lookout {
    config: ArcSwap<OutlierConfig>,
    wanted: Notify,
}

impl Lookout {
    pub(crate) fn new(config: OutlierConfig) -> Self {
        Self {
            config: ArcSwap::from_pointee(config),
            wanted: Notify::new(),
        }
    }

    pub(crate) fn set(&self, config: OutlierConfig) {
        self.config.store(config.into());
    }

    /// A call ended with `streak`: the nodes are looked at when that is a reason.
    #[inline]
    pub(crate) fn consider(&self, streak: Streak) {
        if streak.failures > 0 && self.config.load().wants_look(streak) {
            self.wanted.notify_one();
        }
    }

    /// Resolves when the nodes should be looked at.
    ///
    /// # Cancel safety
    /// Safe: a reason that comes meanwhile is kept.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }
}
