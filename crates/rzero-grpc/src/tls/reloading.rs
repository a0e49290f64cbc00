//! A value that follows the files it was made of.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rzero_config::{Problem, Watched, watch_files};
use rzero_core::Error;

/// A value made of files, made anew when they change. Clones share it.
pub(super) struct Reloading<T> {
    current: Arc<Current<T>>,
    /// Keeps the files followed, and tells of values that were replaced because they changed.
    followed: Watched<()>,
}

struct Current<T> {
    value: ArcSwap<T>,
    /// Held while files are read, so that no older content replaces a newer one.
    build: Mutex<Build<T>>,
}

type Build<T> = Box<dyn Fn() -> Result<T, Error> + Send>;

impl<T: Send + Sync + 'static> Reloading<T> {
    /// Makes the value by `build`, now and after every change of the files.
    pub(super) fn new(
        files: impl IntoIterator<Item = PathBuf>,
        build: impl Fn() -> Result<T, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let current = Arc::new(Current {
            value: ArcSwap::from_pointee(build()?),
            build: Mutex::new(Box::new(build)),
        });
        let rebuilt = Arc::clone(&current);
        // It builds once more at once: changes from then on are seen as changes.
        let follow = move || {
            let problem = |error: Error| Problem::new("tls", error.message());
            Ok(rebuilt.reload().map_err(problem)?)
        };
        let followed = watch_files(follow, files)
            .map_err(|error| Error::internal("cannot follow certificates").with_source(error))?;
        Ok(Self { current, followed })
    }

    pub(super) fn load(&self) -> Arc<T> {
        self.current.value.load_full()
    }

    pub(super) fn reload(&self) -> Result<(), Error> {
        self.current.reload()
    }

    /// Waits until a change of the files has replaced the value.
    #[cfg(test)]
    pub(super) async fn changed(&mut self) {
        self.followed.changed().await;
    }
}

impl<T> Current<T> {
    fn reload(&self) -> Result<(), Error> {
        let build = self.build.lock().unwrap_or_else(PoisonError::into_inner);
        self.value.store(Arc::new(build()?));
        Ok(())
    }
}

impl<T> Clone for Reloading<T> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            followed: self.followed.clone(),
        }
    }
}

/// Does not print the value, which holds keys.
impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.followed, f)
    }
}
