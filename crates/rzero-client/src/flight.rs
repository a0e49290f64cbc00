//! A call in flight, as the statistics of its node see it.

use std::sync::Arc;

use rzero_balance::{NodeStats, Started};
use rzero_core::Outcome;
use tokio::time::Instant;

/// A call in flight on a node; dropped unfinished it counts as cancelled.
pub(crate) struct Flight {
    stats: Arc<NodeStats>,
    started: Option<Started>,
}

impl Flight {
    pub(crate) fn begin(stats: &Arc<NodeStats>, now: Instant) -> Self {
        Self {
            stats: Arc::clone(stats),
            started: Some(stats.begin(now)),
        }
    }

    pub(crate) fn finish(mut self, outcome: Outcome, now: Instant) {
        if let Some(started) = self.started.take() {
            self.stats.finish(started, outcome, now);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            self.stats.abandon(started);
        }
    }
}
