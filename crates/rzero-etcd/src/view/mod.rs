//! What a service looks like, pieced together from two sets of keys.
//!
//! An address and its metadata are written in one transaction, but two watches deliver them, one
//! after the other. An address alone may therefore be an instance whose metadata is still on its
//! way, or go-zero's own. [`View::doubtful`] names such slots, and the caller reads both keys at
//! one revision before it publishes: a gray instance never appears on the default lane, not even
//! for a moment.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use rzero_core::Address;
use rzero_registry::{Instance, InstanceId, ServiceName};

use crate::layout::{Meta, Side, foreign};

/// All slots of a service; a slot is what the two keys of one lease say.
#[derive(Debug)]
pub(crate) struct View {
    service: ServiceName,
    slots: BTreeMap<String, Slot>,
    doubtful: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Slot {
    address: Known<Arc<Instance>>,
    meta: Known<Meta>,
    /// What metadata said that was deleted under a living address. A lease has one owner, who is
    /// about to put it back.
    remembered: Option<Arc<Instance>>,
}

/// What is known of one key, and as of which revision.
#[derive(Debug)]
struct Known<T> {
    revision: i64,
    value: Option<T>,
}

/// What a view comes down to.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) instances: Vec<Arc<Instance>>,
    /// Instances that deregistered.
    pub(crate) left: Vec<InstanceId>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            revision: 0,
            value: None,
        }
    }
}

impl View {
    pub(crate) fn new(service: ServiceName) -> Self {
        Self {
            service,
            slots: BTreeMap::new(),
            doubtful: BTreeSet::new(),
        }
    }

    /// Takes in what one key says at a revision; `None` when it is not there. Older news than what
    /// is known is skipped.
    pub(crate) fn apply(&mut self, side: Side, slot: &str, value: Option<&[u8]>, revision: i64) {
        let entry = self.slots.entry(slot.to_owned()).or_default();
        match side {
            Side::Address => {
                let instance = value.and_then(|value| foreign(&self.service, slot, value));
                if value.is_some() && instance.is_none() {
                    let service = &self.service;
                    tracing::warn!(%service, slot, "etcd holds something that is no address");
                }
                entry.address.set(instance.map(Arc::new), revision);
            }
            Side::Metadata => {
                let meta = value.map(|value| Meta::from_json(&self.service, value));
                if let (None, Some(Meta::Live(instance))) = (&meta, &entry.meta.value) {
                    entry.remembered = Some(Arc::clone(instance));
                }
                if let Some(Meta::Unreadable(why)) = &meta {
                    let service = &self.service;
                    tracing::warn!(%service, slot, %why, "etcd holds metadata nobody can read");
                }
                entry.meta.set(meta, revision);
            }
        }
        if entry.meta.value.is_some() {
            self.doubtful.remove(slot);
        } else if entry.address.value.is_some() {
            self.doubtful.insert(slot.to_owned());
        } else {
            self.slots.remove(slot);
            self.doubtful.remove(slot);
        }
    }

    /// The slots with an address of which it is not known whether they have metadata.
    pub(crate) fn doubtful(&self) -> impl Iterator<Item = &str> {
        self.doubtful.iter().map(String::as_str)
    }

    /// All addresses without metadata are go-zero's own: both sides were read at one revision.
    pub(crate) fn settle(&mut self) {
        self.doubtful.clear();
    }

    /// The instances, without doubles: of two with one id or one address, the younger, and one
    /// with metadata before one without.
    pub(crate) fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        let mut candidates = Vec::new();
        for (name, slot) in &self.slots {
            match (&slot.meta.value, &slot.address.value) {
                (Some(Meta::Live(instance)), _) => {
                    candidates.push((true, slot.meta.revision, Arc::clone(instance)));
                }
                (Some(Meta::Left(ids)), _) => listing.left.extend(ids.iter().cloned()),
                (None, Some(instance)) if !self.doubtful.contains(name) => {
                    let instance = slot.remembered.as_ref().unwrap_or(instance);
                    candidates.push((false, slot.address.revision, Arc::clone(instance)));
                }
                (Some(Meta::Unreadable(_)) | None, _) => {}
            }
        }
        candidates.sort_by_key(|(has_meta, revision, _)| std::cmp::Reverse((*has_meta, *revision)));
        let mut ids: HashSet<InstanceId> = HashSet::new();
        let mut addresses: HashSet<Address> = HashSet::new();
        for (_, _, instance) in candidates {
            let taken = instance.addresses.values().any(|a| addresses.contains(a));
            if taken || !ids.insert(instance.id.clone()) {
                continue;
            }
            addresses.extend(instance.addresses.values().cloned());
            listing.instances.push(instance);
        }
        listing
    }
}

impl<T> Known<T> {
    fn set(&mut self, value: Option<T>, revision: i64) {
        if revision >= self.revision {
            *self = Self { revision, value };
        }
    }
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
