//! Following files.
//!
//! The folders are watched, not the files: editors replace a file by renaming another over it, and
//! Kubernetes replaces a mounted ConfigMap by swapping the symbolic link `..data` beside it. What
//! counts is the content: an event only leads to a reading, and equal bytes to nothing.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{Shared, Watched};
use crate::error::{Error, Problem};
use crate::loader::read_bounded;

/// A writer is given this long without a further event before the files are read.
const QUIET: Duration = Duration::from_millis(50);

/// A folder that never falls quiet must not put off the reading for ever.
const QUIET_ROUNDS_MAX: usize = 20;

/// The content is compared this often without any event: network file systems send none.
const POLL: Duration = Duration::from_secs(10);

/// The same when the system gave us no watcher at all.
const POLL_WITHOUT_EVENTS: Duration = Duration::from_secs(1);

/// Builds a value from files and builds it anew whenever one of them changes.
///
/// `build` runs once before this returns and then, after every change of content, in a thread of
/// its own; it should read the files itself, usually by `loader.clone().load()`. When it fails or
/// panics the last good value stays, a warning with the error is logged, and
/// [`Watched::reload_errors`] counts it. The thread ends with the last handle.
///
/// A change is noticed within about 100 ms; where the file system sends no events, within 10 s.
///
/// # Errors
///
/// The error of the first `build`, or a thread that cannot be started.
pub fn watch_files<T, F, P>(
    build: F,
    paths: impl IntoIterator<Item = P>,
) -> Result<Watched<T>, Error>
where
    T: Send + Sync + 'static,
    F: Fn() -> Result<T, Error> + Send + 'static,
    P: Into<PathBuf>,
{
    let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
    // One place is enough: a waiting signal stands for every event until it is taken.
    let (wake, woken) = sync_channel(1);
    let mut folders = Folders::new(paths, wake.clone());
    // Watch, then read, then build: a change in between is seen as a change.
    folders.follow();
    let contents = folders.contents();
    let shared = Shared::new(build()?);
    // Set before anybody else holds it, so it cannot be set already.
    let _ = shared.source.set(Source { wake });
    let follower = Follower {
        shared: Arc::downgrade(&shared),
        build,
        folders,
        contents,
    };
    std::thread::Builder::new()
        .name("rzero-config".into())
        .spawn(move || follower.run(&woken))
        .map_err(|error| Problem::new("", format!("cannot start the config watcher: {error}")))?;
    Ok(Watched::of(shared))
}

/// Held by the handles. When the last one goes, the thread wakes, finds nobody and ends.
pub(super) struct Source {
    wake: SyncSender<()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        // A full channel is fine: then the thread is about to wake anyway.
        let _ = self.wake.try_send(());
    }
}

struct Follower<T, F> {
    shared: Weak<Shared<T>>,
    build: F,
    folders: Folders,
    contents: Vec<Option<Vec<u8>>>,
}

impl<T, F: Fn() -> Result<T, Error>> Follower<T, F> {
    fn run(mut self, woken: &Receiver<()>) {
        loop {
            let poll = if self.folders.watcher.is_some() {
                POLL
            } else {
                POLL_WITHOUT_EVENTS
            };
            match woken.recv_timeout(poll) {
                Ok(()) => {
                    if self.shared.strong_count() == 0 {
                        return;
                    }
                    let still_busy = |_: &usize| woken.recv_timeout(QUIET).is_ok();
                    let _ = (0..QUIET_ROUNDS_MAX).take_while(still_busy).count();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.check() {
                return;
            }
        }
    }

    /// Reads the files again and rebuilds if they changed. False when nobody listens any more.
    fn check(&mut self) -> bool {
        self.folders.follow();
        let contents = self.folders.contents();
        let Some(shared) = self.shared.upgrade() else {
            return false;
        };
        if contents == self.contents {
            return true;
        }
        self.contents = contents;
        let files = self.folders.names();
        match catch_unwind(AssertUnwindSafe(&self.build)) {
            Ok(Ok(value)) => {
                shared.publish(value);
                tracing::info!(files, "configuration reloaded");
            }
            Ok(Err(error)) => {
                shared.failed();
                tracing::warn!(files, %error, "configuration not reloaded, the last good one stays");
            }
            Err(_) => {
                shared.failed();
                let error = "the program's own check panicked";
                tracing::warn!(
                    files,
                    error,
                    "configuration not reloaded, the last good one stays"
                );
            }
        }
        true
    }
}

/// The files, and the folders whose events tell about them.
struct Folders {
    files: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Folders {
    fn new(files: Vec<PathBuf>, wake: SyncSender<()>) -> Self {
        let on_event = move |event: notify::Result<notify::Event>| {
            // Reading a file is an event too; waking on it would never end.
            if !matches!(&event, Ok(event) if event.kind.is_access()) {
                let _ = wake.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(on_event)
            .inspect_err(|error| {
                tracing::warn!(%error, "no file events, configuration files are polled every second");
            })
            .ok();
        Self {
            files,
            watcher,
            watched: BTreeSet::new(),
        }
    }

    /// Watches the folder of every file, and the folder that links lead to, which a swap moves.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let folders = self.files.iter().flat_map(|file| {
            let real = file.canonicalize().ok();
            [Some(folder_of(file)), real.as_deref().map(folder_of)]
        });
        // A deleted folder has lost its watch and gets a new one when it is back.
        let wanted: BTreeSet<PathBuf> =
            folders.flatten().filter(|folder| folder.is_dir()).collect();
        for gone in self.watched.difference(&wanted) {
            // It may have been deleted, which ends the watch by itself.
            let _ = watcher.unwatch(gone);
        }
        // A folder that cannot be watched yet is tried again with the next event or poll.
        let watch = |folder: &PathBuf| {
            self.watched.contains(folder)
                || watcher.watch(folder, RecursiveMode::NonRecursive).is_ok()
        };
        self.watched = wanted.into_iter().filter(watch).collect();
    }

    /// The bytes of each file; `None` for one that cannot be read.
    fn contents(&self) -> Vec<Option<Vec<u8>>> {
        self.files
            .iter()
            .map(|file| read_bounded(file).ok())
            .collect()
    }

    fn names(&self) -> String {
        let names: Vec<_> = self
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        names.join(", ")
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
