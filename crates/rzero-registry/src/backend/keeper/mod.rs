//! What to believe of a source that may be away, or may have forgotten everything.
//!
//! A registry that loses its data must not take its clients down with it, and yet an instance
//! that is gone must leave. The difference is what is known about *how* an instance left:
//!
//! | what was seen | what happens |
//! |---|---|
//! | it deregistered (the source can tell) | it leaves at once, even the last one |
//! | it vanished while the source was well, others stay | it leaves at once: its lease ran out |
//! | it vanished within `settle` after the source came back | it is kept until `settle` is over: leases may have run out because the *source* was away, and their owners are on their way back |
//! | all that were left vanished | they are kept for `empty_protect` |
//! | the source is away | all are kept, for ever |
//!
//! An instance that is kept leaves at once when it deregisters after all, or when a live one
//! takes over one of its addresses.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rzero_core::Address;
use tokio::time::Instant;

use crate::{Instance, InstanceId, Snapshot, Status};

/// How long a [`Keeper`] keeps what a source no longer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeeperConfig {
    /// How long the last instances of a service are kept when they vanish without deregistering.
    /// Default 60 s.
    pub empty_protect: Duration,
    /// How long after the source came back nothing vanishes from it: the time in which owners
    /// put back what the source lost. Default 0.
    pub settle: Duration,
}

/// Decides what of a source's lists is published. Pure: time comes in as an argument.
#[derive(Debug)]
pub struct Keeper {
    config: KeeperConfig,
    entries: BTreeMap<InstanceId, Entry>,
    deregistered: HashSet<InstanceId>,
    source: Source,
}

#[derive(Debug)]
struct Entry {
    instance: Arc<Instance>,
    /// `None` while the source lists it; else the moment at which it is given up.
    kept_until: Option<Instant>,
}

#[derive(Debug)]
enum Source {
    /// It has never answered.
    Unknown { why: Option<Arc<str>> },
    /// It answered last, with nothing if `empty`; before `settled` its omissions are not believed.
    Up {
        settled: Option<Instant>,
        empty: bool,
    },
    /// It answered once and is away.
    Down { why: Arc<str> },
}

impl Default for KeeperConfig {
    fn default() -> Self {
        Self {
            empty_protect: Duration::from_secs(60),
            settle: Duration::ZERO,
        }
    }
}

impl Keeper {
    /// A keeper that knows nothing.
    #[must_use]
    pub fn new(config: KeeperConfig) -> Self {
        Self {
            config,
            entries: BTreeMap::new(),
            deregistered: HashSet::new(),
            source: Source::Unknown { why: None },
        }
    }

    /// Notes that an instance left on purpose: the next list without it is believed.
    pub fn deregistered(&mut self, id: &InstanceId) {
        if self.entries.contains_key(id) {
            self.deregistered.insert(id.clone());
        }
    }

    /// Takes what the source lists now, all of it. Of two instances with one id the last counts.
    pub fn observe(&mut self, listed: impl IntoIterator<Item = Arc<Instance>>, now: Instant) {
        let listed: BTreeMap<InstanceId, Arc<Instance>> = listed
            .into_iter()
            .map(|instance| (instance.id.clone(), instance))
            .collect();
        let (settled, was_empty) = match self.source {
            Source::Unknown { .. } => (None, false),
            Source::Up { settled, empty } => (settled.filter(|end| now < *end), empty),
            Source::Down { .. } => (Some(now + self.config.settle), false),
        };
        let empty = listed.is_empty();
        self.source = Source::Up { settled, empty };
        // Only the first empty list starts the clock, so that repeating it does not keep the dead.
        let patience = if empty && !was_empty {
            Some(now + self.config.empty_protect)
        } else {
            settled
        };
        let taken: HashSet<&Address> = listed.values().flat_map(|i| i.addresses.values()).collect();
        for (id, entry) in &mut self.entries {
            let replaced = || {
                let mut addresses = entry.instance.addresses.values();
                addresses.any(|address| taken.contains(address))
            };
            entry.kept_until = if listed.contains_key(id) {
                None // overwritten below
            } else if self.deregistered.contains(id) || replaced() {
                Some(now)
            } else {
                // One that is kept already keeps its deadline; the emptier list only extends it.
                entry.kept_until.max(patience).or(Some(now))
            };
        }
        self.deregistered.clear();
        self.entries
            .extend(listed.into_iter().map(|(id, instance)| {
                let entry = Entry {
                    instance,
                    kept_until: None,
                };
                (id, entry)
            }));
        self.give_up(now);
    }

    /// Takes the news that the source lists this instance too, or in place of the one with its id;
    /// the rest of its list is as it was. Costs less than [`observe`](Self::observe), of which it
    /// is a short form while the source is well.
    pub fn joined(&mut self, instance: Arc<Instance>, now: Instant) {
        if let Source::Up { empty, .. } = &mut self.source {
            *empty = false;
        }
        let replaces = |entry: &Entry| {
            let mut addresses = entry.instance.addresses.values();
            addresses.any(|old| instance.addresses.values().any(|new| new == old))
        };
        self.entries
            .retain(|_, entry| entry.kept_until.is_none() || !replaces(entry));
        let entry = Entry {
            instance: Arc::clone(&instance),
            kept_until: None,
        };
        self.entries.insert(instance.id.clone(), entry);
        self.give_up(now);
    }

    /// Takes the news that an instance deregistered and is not listed any more; the rest of the
    /// list is as it was. It leaves at once.
    pub fn left(&mut self, id: &InstanceId, now: Instant) {
        self.entries.remove(id);
        self.deregistered.remove(id);
        let none_listed = self.entries.values().all(|e| e.kept_until.is_some());
        if let Source::Up { empty, .. } = &mut self.source {
            *empty = none_listed;
        }
        self.give_up(now);
    }

    /// Takes the news that the source is away; `why` is for people.
    pub fn down(&mut self, why: impl Into<Arc<str>>) {
        let why = why.into();
        self.source = match self.source {
            Source::Unknown { .. } => Source::Unknown { why: Some(why) },
            Source::Up { .. } | Source::Down { .. } => Source::Down { why },
        };
        // Nobody could have come back while the source was away: the time begins anew.
        for entry in self.entries.values_mut() {
            entry.kept_until = None;
        }
    }

    /// Gives up what was kept until `now`.
    pub fn tick(&mut self, now: Instant) {
        self.give_up(now);
    }

    /// When [`tick`](Self::tick) has something to do next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.entries.values().filter_map(|e| e.kept_until).min()
    }

    /// What is to be published.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut instances = Vec::with_capacity(self.entries.len());
        let mut kept = 0_usize;
        for entry in self.entries.values() {
            instances.push(Arc::clone(&entry.instance));
            kept += usize::from(entry.kept_until.is_some());
        }
        let status = match (&self.source, kept) {
            (Source::Unknown { .. }, _) => Status::Pending,
            (Source::Down { why }, _) => Status::Stale(Arc::clone(why)),
            (Source::Up { .. }, 0) => Status::Live,
            (Source::Up { .. }, kept) if kept == self.entries.len() => Status::Stale(
                format!("all {kept} instances vanished without deregistering; kept for now").into(),
            ),
            (Source::Up { .. }, kept) => Status::Stale(
                format!("{kept} instances may return to the recovered registry; kept for now")
                    .into(),
            ),
        };
        Snapshot { instances, status }
    }

    /// Why the source has not answered yet, when it is known.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        match &self.source {
            Source::Unknown { why } => why.as_deref(),
            Source::Up { .. } => None,
            Source::Down { why } => Some(why),
        }
    }

    fn give_up(&mut self, now: Instant) {
        self.entries
            .retain(|_, entry| entry.kept_until.is_none_or(|until| now < until));
    }
}

#[cfg(test)]
mod tests;
