//! Values that change while the program runs.

mod files;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use self::files::{watch_files, watch_sources};

/// A value that is replaced as a whole, atomically, after its successor was checked.
///
/// Cloning costs a few atomic operations; all clones see the same value. [`load`](Self::load)
/// takes no lock.
pub struct Watched<T> {
    shared: Arc<Shared<T>>,
    versions: watch::Receiver<u64>,
}

/// The writing end of a [`Watched`] that follows neither files nor remote sources.
pub struct Publisher<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    value: ArcSwap<T>,
    version: watch::Sender<u64>,
    reloads: AtomicU64,
    reload_errors: AtomicU64,
    /// What keeps the value fresh; dropped, and thereby stopped, with the last handle.
    source: std::sync::OnceLock<files::Source>,
}

impl<T> Shared<T> {
    fn new(value: T) -> Arc<Self> {
        Arc::new(Self {
            value: ArcSwap::from_pointee(value),
            version: watch::Sender::new(0),
            reloads: AtomicU64::new(0),
            reload_errors: AtomicU64::new(0),
            source: std::sync::OnceLock::new(),
        })
    }

    fn publish(&self, value: T) {
        // The value first: whoever is woken finds the new one.
        self.value.store(Arc::new(value));
        self.reloads.fetch_add(1, Ordering::Relaxed);
        self.version.send_modify(|version| *version += 1);
    }

    fn failed(&self) {
        self.reload_errors.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T> Watched<T> {
    fn of(shared: Arc<Shared<T>>) -> Self {
        let versions = shared.version.subscribe();
        Self { shared, versions }
    }

    /// A value that never changes.
    pub fn fixed(value: T) -> Self {
        Self::of(Shared::new(value))
    }

    /// A value that changes when the publisher says so.
    pub fn manual(value: T) -> (Publisher<T>, Self) {
        let shared = Shared::new(value);
        (
            Publisher {
                shared: Arc::clone(&shared),
            },
            Self::of(shared),
        )
    }

    /// The current value. Does not mark it as seen for [`changed`](Self::changed).
    pub fn load(&self) -> Arc<T> {
        self.shared.value.load_full()
    }

    /// Waits for a value newer than the last one this handle was told of, and returns it. A handle
    /// starts with the value that was current when it was made or cloned. Values that are replaced
    /// before they are looked at are skipped. Never returns when the value cannot change any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a change is marked as seen only when it is returned.
    pub async fn changed(&mut self) -> Arc<T> {
        match self.versions.changed().await {
            Ok(()) => self.load(),
            // The sender lives in `shared`, which this handle keeps alive.
            Err(_) => std::future::pending().await,
        }
    }

    /// How often the value was replaced.
    pub fn reloads(&self) -> u64 {
        self.shared.reloads.load(Ordering::Relaxed)
    }

    /// How often a new value was refused and the old one kept.
    pub fn reload_errors(&self) -> u64 {
        self.shared.reload_errors.load(Ordering::Relaxed)
    }
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        let mut versions = self.versions.clone();
        versions.mark_unchanged();
        Self {
            shared: Arc::clone(&self.shared),
            versions,
        }
    }
}

/// Does not print the value, which may hold secrets.
impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("reloads", &self.reloads())
            .field("reload_errors", &self.reload_errors())
            .finish_non_exhaustive()
    }
}

impl<T> Publisher<T> {
    /// Replaces the value for all handles.
    pub fn publish(&self, value: T) {
        self.shared.publish(value);
    }

    /// Counts an update that was refused; the value stays.
    pub fn refused(&self) {
        self.shared.failed();
    }
}

impl<T> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn change_is_seen_once_by_every_handle() {
        let (publisher, mut first) = Watched::manual(1);
        let mut second = first.clone();
        publisher.publish(2);
        let late = first.clone();
        assert_eq!((*first.changed().await, *second.changed().await), (2, 2));
        assert!(!late.versions.has_changed().unwrap());
        assert!(!first.versions.has_changed().unwrap());
        assert_eq!((first.reloads(), first.reload_errors()), (1, 0));
    }

    #[test]
    fn refused_update_keeps_the_value() {
        let (publisher, watched) = Watched::manual("good");
        publisher.refused();
        assert_eq!((*watched.load(), watched.reload_errors()), ("good", 1));
    }

    #[test]
    fn debug_does_not_print_the_value() {
        let watched = Watched::fixed("hunter2");
        assert!(!format!("{watched:?}").contains("hunter2"));
    }
}
