//! Policies that follow the configuration while the program runs.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rzero_config::{Document, Error, Explained, RemoteSource, Watched, watch_sources};
use rzero_core::ServiceDesc;
use rzero_policy::{Policies, PolicyWatch};
use rzero_resilience::limit::Bulkhead;
use tokio::sync::watch;

use super::redis;

/// Sections of the framework that are read once, when the application is made.
const AT_START: &[&str] = &["service", "server", "registry", "client", "redis", "config"];
/// The part of the policies that is read once too.
const STORE: &str = "policy.store.";

/// Reads files and what stands above them.
pub(super) type Read = fn(&[PathBuf], Option<&Arc<dyn RemoteSource>>) -> Result<Reading, Error>;

/// How to read the same configuration again.
#[derive(Clone)]
pub(crate) struct Source {
    pub(super) files: Vec<PathBuf>,
    pub(super) remote: Option<Arc<dyn RemoteSource>>,
    pub(super) read: Read,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("files", &self.files)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// What an application follows of a configuration, and what it cannot follow.
pub(super) struct Reading {
    pub(super) policy: Policies,
    /// The values of the framework that need a restart, secrets masked, by key.
    pub(super) at_start: BTreeMap<String, String>,
}

/// The values of `document` that are read once.
pub(super) fn at_start(document: &Document) -> BTreeMap<String, String> {
    let ours = |line: &Explained| {
        let section = line.key.split('.').next();
        section.is_some_and(|name| AT_START.contains(&name)) || line.key.starts_with(STORE)
    };
    let lines = document.explain().into_iter().filter(ours);
    lines.map(|line| (line.key, line.value)).collect()
}

/// The policies of a process and who they are for.
pub(super) struct Live {
    policies: PolicyWatch,
    known: Arc<Mutex<Known>>,
    /// Ends the following when it is dropped. `None` for settings that came from no file.
    #[cfg_attr(not(test), expect(dead_code, reason = "held for its drop"))]
    following: Option<Watched<()>>,
}

/// What rules can match, and what follows the policies here.
#[derive(Default)]
struct Known {
    served: Vec<&'static str>,
    targets: Vec<String>,
    bulkheads: BTreeMap<String, Bulkhead>,
}

impl Live {
    /// Policies that begin with `policy` and follow `source`, if there is one. `counts` tells
    /// whether the process has a store for rules that all processes share.
    pub(super) fn new(
        policy: &Policies,
        clients: impl Iterator<Item = String>,
        source: Option<&Source>,
        counts: bool,
    ) -> Result<Self, Error> {
        let (sender, policies) = watch::channel(policy.clone());
        let known = Arc::new(Mutex::new(Known {
            targets: clients.collect(),
            ..Known::default()
        }));
        let follow = |source: &Source| {
            let follower = Follower {
                source: source.clone(),
                sender,
                counts,
                known: Arc::clone(&known),
                state: Mutex::default(),
            };
            let (files, remote) = (source.files.clone(), source.remote.clone());
            watch_sources(move || follower.read(), files, remote.into_iter().collect())
        };
        let following = source.map(follow).transpose()?;
        Ok(Self {
            policies,
            known,
            following,
        })
    }

    pub(super) fn watch(&self) -> PolicyWatch {
        self.policies.clone()
    }

    /// The process serves these methods.
    pub(super) fn serves(&self, desc: &'static ServiceDesc) {
        let paths = desc.methods.iter().map(|method| method.path);
        lock(&self.known).served.extend(paths);
    }

    /// The process calls this target.
    pub(super) fn calls(&self, target: &str) {
        let mut known = lock(&self.known);
        if !known.targets.iter().any(|name| name == target) {
            known.targets.push(target.to_owned());
        }
    }

    /// The bulkhead called `name`; the same one each time.
    ///
    /// # Errors
    /// When its settings are wrong, which the policies have checked.
    pub(super) fn bulkhead(&self, name: &str) -> Result<Bulkhead, String> {
        let mut known = lock(&self.known);
        if let Some(bulkhead) = known.bulkheads.get(name) {
            return Ok(bulkhead.clone());
        }
        let config = self.policies.borrow().server().bulkhead(name);
        let bulkhead = Bulkhead::new(name, config)?;
        known.bulkheads.insert(name.to_owned(), bulkhead.clone());
        Ok(bulkhead)
    }

    /// Tells of rules that match nothing.
    pub(super) fn warn(&self) {
        lock(&self.known).warn(&self.policies.borrow());
    }
}

impl Known {
    fn warn(&self, policies: &Policies) {
        let targets: Vec<&str> = self.targets.iter().map(String::as_str).collect();
        for problem in policies.warnings(&self.served, &targets) {
            tracing::warn!(%problem, "a policy matches nothing");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the configuration again, in the thread that watches it.
struct Follower {
    source: Source,
    sender: watch::Sender<Policies>,
    /// Whether rules can be followed that all processes share.
    counts: bool,
    known: Arc<Mutex<Known>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    begun: bool,
    /// What was last read of what needs a restart.
    at_start: Option<BTreeMap<String, String>>,
}

impl Follower {
    fn read(&self) -> Result<(), Error> {
        let reading = (self.source.read)(&self.source.files, self.source.remote.as_ref());
        let reading = reading.and_then(|reading| match self.counts {
            true => Ok(reading),
            false => redis::refuse(&reading.policy).map(|()| reading),
        });
        let mut state = lock(&self.state);
        let is_first = !std::mem::replace(&mut state.begun, true);
        match reading {
            Ok(reading) => {
                // At the first time too: it may have changed since it was loaded.
                self.apply(reading.policy);
                if let Some(old) = &state.at_start {
                    needs_restart(old, &reading.at_start);
                }
                state.at_start = Some(reading.at_start);
                Ok(())
            }
            // It was good a moment ago, and that is what counts.
            Err(error) if is_first => {
                tracing::error!(%error, "the configuration cannot be read again; it is followed");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn apply(&self, new: Policies) {
        let changes = self.sender.borrow().changes(&new);
        if changes.is_empty() {
            return;
        }
        for change in changes {
            tracing::info!(
                key = change.key,
                old = change.old,
                new = change.new,
                "policy changed"
            );
        }
        let known = lock(&self.known);
        known.warn(&new);
        for (name, bulkhead) in &known.bulkheads {
            if let Err(error) = bulkhead.reconfigure(new.server().bulkhead(name)) {
                tracing::error!(%error, "bulkhead stays as it was");
            }
        }
        self.sender.send_replace(new);
    }
}

/// Tells which changes are without effect until a restart.
fn needs_restart(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
    let keys = changed_keys(old, new).join(", ");
    if !keys.is_empty() {
        tracing::warn!(
            keys,
            "changed in the configuration, without effect until a restart"
        );
    }
}

fn changed_keys<'a>(
    old: &'a BTreeMap<String, String>,
    new: &'a BTreeMap<String, String>,
) -> Vec<&'a str> {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let gone_or_changed = old.keys().filter(|key| old.get(*key) != new.get(*key));
    let keys = gone_or_changed.chain(added);
    keys.map(String::as_str).collect()
}
