//! Following files and remote sources.
//!
//! Both end in the same place: one thread that is woken, compares what is there with what it built
//! from, and builds anew when they differ.
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
use crate::remote::{RemoteSource, RemoteState};

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
/// panics the last good value stays, the error is logged, and
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
    watch_sources(build, paths, Vec::new())
}

/// As [`watch_files`], and builds anew as well when one of the `remotes` changes.
///
/// `build` should read them too, usually by a loader with [`Loader::remote`]. What a remote source
/// loses contact with does not change: it keeps its last value.
///
/// # Errors
///
/// As [`watch_files`].
///
/// [`Loader::remote`]: crate::Loader::remote
pub fn watch_sources<T, F, P>(
    build: F,
    paths: impl IntoIterator<Item = P>,
    remotes: Vec<Arc<dyn RemoteSource>>,
) -> Result<Watched<T>, Error>
where
    T: Send + Sync + 'static,
    F: Fn() -> Result<T, Error> + Send + 'static,
    P: Into<PathBuf>,
{
    let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
    // One place is enough: a waiting signal stands for every event until it is taken.
    let (wake, woken) = sync_channel(1);
    for remote in &remotes {
        remote.wake_on_change(wake.clone());
    }
    let mut sources = Sources {
        folders: Folders::new(paths, wake.clone()),
        remotes,
    };
    // Watch, then read, then build: a change in between is seen as a change.
    let contents = sources.contents();
    let shared = Shared::new(build()?);
    // Set before anybody else holds it, so it cannot be set already.
    let _ = shared.source.set(Source { wake });
    let follower = Follower {
        shared: Arc::downgrade(&shared),
        build,
        sources,
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
    sources: Sources,
    contents: Contents,
}

/// Everything that a value is built from.
struct Sources {
    folders: Folders,
    remotes: Vec<Arc<dyn RemoteSource>>,
}

/// What it held: the bytes of each file, `None` for one that cannot be read, and the document of
/// each remote source, `None` without one.
type Contents = (Vec<Option<Vec<u8>>>, Vec<Option<Arc<[u8]>>>);

impl Sources {
    fn contents(&mut self) -> Contents {
        self.folders.follow();
        let document = |remote: &Arc<dyn RemoteSource>| match remote.current() {
            RemoteState::Document(bytes) => Some(bytes),
            RemoteState::Unknown(_) | RemoteState::Absent => None,
        };
        let documents = self.remotes.iter().map(document).collect();
        (self.folders.contents(), documents)
    }

    /// The names of those whose content differs.
    fn changed(&self, old: &Contents, new: &Contents) -> String {
        let files = old.0.iter().zip(&new.0).zip(&self.folders.files);
        let files = files.filter(|((old, new), _)| old != new);
        let files = files.map(|(_, file)| file.display().to_string());
        let remotes = old.1.iter().zip(&new.1).zip(&self.remotes);
        let remotes = remotes.filter(|((old, new), _)| old != new);
        let remotes = remotes.map(|(_, remote)| remote.name().to_owned());
        files.chain(remotes).collect::<Vec<_>>().join(", ")
    }
}

impl<T, F: Fn() -> Result<T, Error>> Follower<T, F> {
    fn run(mut self, woken: &Receiver<()>) {
        loop {
            let poll = if self.sources.folders.watcher.is_some() {
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

    /// Reads everything again and rebuilds if something changed. False when nobody listens any more.
    fn check(&mut self) -> bool {
        let contents = self.sources.contents();
        let Some(shared) = self.shared.upgrade() else {
            return false;
        };
        if contents == self.contents {
            return true;
        }
        let sources = self.sources.changed(&self.contents, &contents);
        self.contents = contents;
        match catch_unwind(AssertUnwindSafe(&self.build)) {
            Ok(Ok(value)) => {
                shared.publish(value);
                tracing::info!(sources, "configuration reloaded");
            }
            Ok(Err(error)) => {
                shared.failed();
                tracing::error!(sources, %error, "configuration not reloaded, the last good one stays");
            }
            Err(_) => {
                shared.failed();
                let error = "the program's own check panicked";
                tracing::error!(
                    sources,
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
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
