//! A registry in a folder of this host, shared by the processes of one user.
//!
//! Each instance is one file in the folder of its service, and its owner holds an advisory lock on
//! that file as long as it lives. The kernel drops the lock with the process, however it ends, so
//! whether an owner lives is a fact and not a guess from heartbeats or process ids (which other
//! containers do not share, and which are used again). Everything follows from that:
//!
//! - an entry is *live* while its file is locked; one whose lock is free is skipped and removed;
//! - a file is locked before it gets its name, and gets its name by a rename: nobody ever sees a
//!   torn entry or one that is not locked yet;
//! - a file that vanishes while its lock is held was deleted by a foreign hand: readers keep the
//!   instance, and the owner puts the file back;
//! - readers look at the folder ten times a second, but list it only when it changed.
//!
//! A process that hangs keeps its lock, so there is a heartbeat as well: owners touch the access
//! time of their file, and one that is not touched for some 5 s is not listed until it is again.
//! Readers count looks, not seconds, so that neither a clock that jumps nor a host that was frozen
//! makes the living look dead.

mod entry;
mod folder;
mod scan;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::{BoxFuture, Error};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use self::entry::Entry;
use self::folder::Root;
use self::scan::Scanner;
use crate::backend::{KeeperConfig, Publisher, Sources};
use crate::registration::{Registrar, Wanted};
use crate::{Instance, Registration, Registry, ServiceName, Watch};

/// How often readers look at the folder.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often owners look whether their file is still there, and touch it.
const CHECK_EVERY: Duration = Duration::from_millis(400);

/// A registry in a folder of this host, shared by the processes of one user.
///
/// Joins and leaves are seen within 0.2 s, and so is a process that was killed; one that hangs
/// leaves after 5 to 6 s and returns when it wakes. The folder belongs
/// to one user (mode 0700), so users of one host do not see each other. It must be on a file
/// system with advisory locks, as all local ones are.
#[derive(Clone)]
pub struct LocalRegistry {
    root: Arc<Root>,
    sources: Arc<Sources>,
}

impl LocalRegistry {
    /// Opens the folder `dir`, or makes it.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`, with the fix: it is a link or no folder, belongs to another user, or
    /// cannot be made or written.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self::on(Root::open(dir.as_ref())?))
    }

    /// Opens the folder that all processes of this user share: `$XDG_RUNTIME_DIR/rzero/registry`
    /// if that variable names an existing folder of this user, else `/tmp/rzero-<uid>`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_default() -> Result<Self, Error> {
        Ok(Self::on(Root::open_default()?))
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    fn on(root: Root) -> Self {
        Self {
            root: Arc::new(root),
            // Nothing that vanishes here needs protection: the locks tell who lives.
            sources: Arc::new(Sources::new(KeeperConfig::default())),
        }
    }
}

impl Registry for LocalRegistry {
    fn name(&self) -> &'static str {
        "local"
    }

    fn register(&self, instance: Instance) -> BoxFuture<'_, Result<Registration, Error>> {
        Box::pin(async move {
            let (guard, registrar) = Registration::new(instance)?;
            tokio::spawn(keep(Arc::clone(&self.root), registrar));
            guard.first_attempt().await;
            Ok(guard)
        })
    }

    fn watch(&self, service: &ServiceName) -> Watch {
        let scanner = Scanner::new(self.root.service(service), service.clone());
        self.sources
            .watch(service, |publisher| follow(scanner, publisher))
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<ServiceName>, Error>> {
        let root = Arc::clone(&self.root);
        Box::pin(async move {
            let listed = blocking(move || scan::live_services(&root)).await;
            listed.map_err(|error| self.root.unreadable(&error))
        })
    }
}

/// Keeps an instance registered until its guard lets go.
async fn keep(root: Arc<Root>, mut registrar: Registrar) {
    // Dropped with this task, should the runtime end first: the drop takes the file away.
    let mut held: Option<Held> = None;
    let mut in_trouble = false;
    while let Some(wanted) = registrar.wanted() {
        let version = wanted.version;
        let (shared, service) = (Arc::clone(&root), wanted.instance.service.clone());
        let (kept, outcome) = blocking(move || reconcile(&shared, held, &wanted)).await;
        held = kept;
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut in_trouble) {
                    tracing::info!(%service, "registered in the folder again");
                }
                registrar.registered(version);
            }
            Err(error) => {
                let dir = root.path().display();
                if !std::mem::replace(&mut in_trouble, true) {
                    tracing::warn!(%service, %dir, %error, "not registered in the folder, trying for ever");
                }
                registrar.retrying(format!(
                    "cannot write to the registry folder {dir}: {error}"
                ));
            }
        }
        tokio::select! {
            () = registrar.changed() => {}
            () = sleep(CHECK_EVERY) => {}
        }
    }
    let removed = blocking(move || held.map_or(Ok(()), |held| held.entry.remove())).await;
    match removed {
        Ok(()) => registrar.deregistered(),
        Err(error) => tracing::warn!(%error, "registry entry was left behind"),
    }
}

/// What was written for a registration.
struct Held {
    version: u64,
    entry: Entry,
}

/// Writes what is wanted, unless it is there. Gives back what is held then.
fn reconcile(root: &Root, held: Option<Held>, wanted: &Wanted) -> (Option<Held>, io::Result<()>) {
    let version = wanted.version;
    match held {
        None => match Entry::publish(root, &wanted.instance) {
            Ok(entry) => (Some(Held { version, entry }), Ok(())),
            Err(error) => (None, Err(error)),
        },
        Some(held) if held.version == version && held.entry.is_in_place() => {
            let beat = held.entry.beat();
            (Some(held), beat)
        }
        Some(mut held) => {
            let outcome = held.entry.replace(root, &wanted.instance);
            if outcome.is_ok() {
                held.version = version;
            }
            (Some(held), outcome)
        }
    }
}

/// Publishes what is in the folder, for ever.
async fn follow(mut scanner: Scanner, mut publisher: Publisher) {
    let mut in_trouble = false;
    loop {
        let (back, seen) = blocking(move || {
            let seen = scanner.look();
            (scanner, seen)
        })
        .await;
        scanner = back;
        match seen {
            Ok(seen) => {
                in_trouble = false;
                for id in &seen.gone {
                    publisher.deregistered(id);
                }
                if let Some(live) = seen.live {
                    publisher.observe(live);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut in_trouble, true) {
                    let folder = scanner.folder().display();
                    tracing::warn!(%folder, %error, "cannot read the registry folder, known instances are kept");
                }
                publisher.down(format!("cannot read the registry folder: {error}"));
                // What was seen is to be published again once the folder can be read.
                scanner.restart();
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Runs short work on files outside the runtime's own threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels blocking work, and then nobody waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

impl fmt::Debug for LocalRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalRegistry").field(&self.dir()).finish()
    }
}
