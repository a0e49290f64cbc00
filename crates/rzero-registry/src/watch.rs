//! The readers' end of discovery.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::Snapshot;

/// The instances of one service, always as of now.
///
/// Cloning gives another reader of the same source. When the last reader is dropped the source
/// stops.
#[derive(Clone)]
pub struct Watch {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Held for its drop, which stops the source.
    _source: Option<Arc<dyn Any + Send + Sync>>,
}

impl Watch {
    /// A watch of what `snapshots` sends, which keeps `source` alive.
    pub(crate) fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        source: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Self {
        Self {
            snapshots,
            _source: source,
        }
    }

    /// A watch of something that never changes.
    #[must_use]
    pub fn fixed(snapshot: Snapshot) -> Self {
        let (sender, snapshots) = watch::channel(Arc::new(snapshot));
        Self::new(snapshots, Some(Arc::new(sender)))
    }

    /// What is known now. Does not mark it as seen.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Waits for a snapshot that [`changed`](Self::changed) has not announced to this reader yet.
    /// `false` when there will be no more: the registry is gone, and the last one stays current.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a change that was not announced is announced next time.
    pub async fn changed(&mut self) -> bool {
        self.snapshots.changed().await.is_ok()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.current()).finish()
    }
}
