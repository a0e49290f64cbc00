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
mod tests {
    use super::*;

    fn service() -> ServiceName {
        "s".parse().unwrap()
    }

    fn view() -> View {
        View::new(service())
    }

    fn meta(id: &str, port: u16, lane: &str) -> Vec<u8> {
        let address = Address::tcp("h", port);
        let instance = Instance::new(service(), id.parse().unwrap(), "grpc", address)
            .with_lane(lane.parse().unwrap());
        Meta::to_json(&instance, false).unwrap()
    }

    fn ids(view: &View) -> Vec<String> {
        let listing = view.listing();
        let mut ids: Vec<_> = listing.instances.iter().map(|i| i.id.to_string()).collect();
        ids.sort();
        ids
    }

    fn doubtful(view: &View) -> Vec<&str> {
        view.doubtful().collect()
    }

    #[test]
    fn address_is_doubtful_until_its_metadata_arrives() {
        let mut view = view();
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        assert_eq!(doubtful(&view), ["7"]);
        assert!(ids(&view).is_empty());
        view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
        assert!(doubtful(&view).is_empty());
        assert_eq!(ids(&view), ["a"]);
    }

    #[test]
    fn address_without_metadata_is_foreign_once_that_is_certain() {
        let mut view = view();
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        view.settle();
        assert_eq!(ids(&view), ["addr.h_1"]);
    }

    #[test]
    fn exposed_lane_does_not_turn_foreign_when_metadata_leaves_first() {
        let mut view = view();
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
        view.apply(Side::Metadata, "7", None, 6);
        assert_eq!(doubtful(&view), ["7"]);
        assert!(ids(&view).is_empty());
        view.apply(Side::Address, "7", None, 6);
        assert!(doubtful(&view).is_empty() && view.slots.is_empty());
    }

    #[test]
    fn metadata_alone_is_an_instance() {
        let mut view = view();
        view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
        assert_eq!(ids(&view), ["a"]);
        view.apply(Side::Address, "7", None, 6);
        assert_eq!(ids(&view), ["a"]);
    }

    #[test]
    fn one_address_is_one_instance() {
        let mut view = view();
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        view.apply(Side::Address, "8", Some(b"h:1"), 6);
        view.settle();
        assert_eq!(ids(&view), ["addr.h_1"]);
        view.apply(Side::Metadata, "9", Some(&meta("old", 1, "")), 3);
        view.apply(Side::Metadata, "10", Some(&meta("new", 1, "")), 4);
        assert_eq!(ids(&view), ["new"]);
        view.apply(Side::Metadata, "10", None, 7);
        assert_eq!(ids(&view), ["old"]);
    }

    #[test]
    fn one_id_is_one_instance() {
        let mut view = view();
        view.apply(Side::Metadata, "1", Some(&meta("a", 1, "")), 3);
        view.apply(Side::Metadata, "2", Some(&meta("a", 2, "")), 4);
        let instances = view.listing().instances;
        assert_eq!(instances.len(), 1);
        assert_eq!(instances[0].address("grpc"), Some(&Address::tcp("h", 2)));
    }

    #[test]
    fn unreadable_metadata_hides_the_address_too() {
        let mut view = view();
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        view.apply(Side::Metadata, "7", Some(b"{"), 5);
        assert!(ids(&view).is_empty() && doubtful(&view).is_empty());
    }

    #[test]
    fn instance_that_left_is_named_and_not_listed() {
        let mut view = view();
        let address = Address::tcp("h", 1);
        let instance = Instance::new(service(), "a".parse().unwrap(), "grpc", address);
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        view.apply(Side::Metadata, "7", Some(&meta("a", 1, "")), 5);
        view.apply(
            Side::Metadata,
            "7",
            Some(&Meta::to_json(&instance, true).unwrap()),
            6,
        );
        let listing = view.listing();
        assert!(listing.instances.is_empty());
        let by_address: InstanceId = "addr.h_1".parse().unwrap();
        assert_eq!(listing.left, [instance.id, by_address]);
    }

    #[test]
    fn metadata_deleted_under_a_living_address_is_remembered() {
        let mut view = view();
        view.apply(Side::Address, "7", Some(b"h:1"), 5);
        view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
        view.apply(Side::Metadata, "7", None, 6);
        view.settle();
        assert_eq!(ids(&view), ["a"]);
    }

    #[test]
    fn old_news_is_skipped() {
        let mut view = view();
        view.apply(Side::Metadata, "7", Some(&meta("new", 1, "")), 9);
        view.apply(Side::Metadata, "7", Some(&meta("old", 1, "")), 5);
        view.apply(Side::Metadata, "7", None, 8);
        assert_eq!(ids(&view), ["new"]);
    }
}
