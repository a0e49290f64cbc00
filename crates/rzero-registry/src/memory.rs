//! A registry within one process, for tests and for services that live together.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use rzero_core::{BoxFuture, Error};
use tokio::sync::{Notify, watch};

use crate::backend::{KeeperConfig, Publisher};
use crate::registration::{Registrar, Wanted};
use crate::{Instance, InstanceId, Registration, Registry, ServiceName, Snapshot, Watch};

/// A registry within this process. Clones share it.
///
/// [`interrupt`](Self::interrupt), [`wipe`](Self::wipe) and [`recover`](Self::recover) let a test
/// play a registry in trouble.
#[derive(Clone, Default)]
pub struct MemoryRegistry(Arc<Shared>);

#[derive(Default)]
struct Shared {
    store: Mutex<Store>,
    recovered: Notify,
}

#[derive(Default)]
struct Store {
    /// Registrations so far.
    registrations: u64,
    services: BTreeMap<ServiceName, Slot>,
    down: Option<Arc<str>>,
}

struct Slot {
    /// With the number of the registration each belongs to.
    instances: BTreeMap<InstanceId, (u64, Arc<Instance>)>,
    publisher: Publisher,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl MemoryRegistry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the registry is away: watches keep what they have and say why, registrations
    /// wait.
    pub fn interrupt(&self, why: &str) {
        self.with(|store| {
            store.down = Some(why.into());
            for slot in store.services.values_mut() {
                slot.publisher.down(why);
            }
        });
    }

    /// The registry is back, and registrations are put in again.
    pub fn recover(&self) {
        self.with(|store| {
            store.down = None;
            for slot in store.services.values_mut() {
                slot.publish();
            }
        });
        self.0.recovered.notify_waiters();
    }

    /// The registry forgets all instances, as a store that lost its data does. Watches keep what
    /// they had; registrations return with [`recover`](Self::recover).
    pub fn wipe(&self) {
        self.with(|store| {
            for slot in store.services.values_mut() {
                slot.instances.clear();
            }
            if store.down.is_none() {
                store.services.values_mut().for_each(Slot::publish);
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.0.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the instance in, unless the registry is away or a later registration has replaced it.
    fn put(&self, number: u64, wanted: &Wanted, registrar: &Registrar) {
        let outcome = self.with(|store| {
            if let Some(why) = &store.down {
                return Err(Arc::clone(why));
            }
            let instance = Arc::clone(&wanted.instance);
            let slot = store.slot(&instance.service);
            let id = instance.id.clone();
            if slot.instances.get(&id).is_none_or(|(n, _)| *n <= number) {
                slot.instances.insert(id, (number, Arc::clone(&instance)));
                slot.publisher.joined(instance);
            }
            Ok(())
        });
        match outcome {
            Ok(()) => registrar.registered(wanted.version),
            Err(why) => registrar.retrying(why),
        }
    }

    /// Takes the instance out, unless a later registration has replaced it.
    fn remove(&self, number: u64, instance: &Instance) {
        let id = &instance.id;
        self.with(|store| {
            let down = store.down.is_some();
            let slot = store.slot(&instance.service);
            if slot.instances.get(id).is_some_and(|(n, _)| *n != number) {
                return;
            }
            slot.instances.remove(id);
            if down {
                slot.publisher.deregistered(id);
            } else {
                slot.publisher.left(id);
            }
        });
    }
}

impl Store {
    fn slot(&mut self, service: &ServiceName) -> &mut Slot {
        let down = &self.down;
        self.services.entry(service.clone()).or_insert_with(|| {
            let (mut publisher, snapshots) = Publisher::new(KeeperConfig::default());
            match down {
                Some(why) => publisher.down(Arc::clone(why)),
                None => publisher.observe([]),
            }
            Slot {
                instances: BTreeMap::new(),
                publisher,
                snapshots,
            }
        })
    }
}

impl Slot {
    fn publish(&mut self) {
        let instances = self.instances.values();
        self.publisher
            .observe(instances.map(|(_, instance)| Arc::clone(instance)));
    }
}

/// Takes the instance out when the task that works for it ends, however it ends.
struct Entry {
    registry: MemoryRegistry,
    /// Later registrations have greater ones.
    number: u64,
    published: Option<Arc<Instance>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(instance) = &self.published {
            self.registry.remove(self.number, instance);
        }
    }
}

impl Registry for MemoryRegistry {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn register(&self, instance: Instance) -> BoxFuture<'_, Result<Registration, Error>> {
        Box::pin(async move {
            let number = self.with(|store| {
                store.registrations += 1;
                store.registrations
            });
            let entry = Entry {
                registry: self.clone(),
                number,
                published: None,
            };
            let (guard, registrar) = Registration::new(instance)?;
            tokio::spawn(keep(entry, registrar));
            guard.first_attempt().await;
            Ok(guard)
        })
    }

    fn watch(&self, service: &ServiceName) -> Watch {
        let snapshots = self.with(|store| store.slot(service).snapshots.clone());
        let shared: Arc<Shared> = Arc::clone(&self.0);
        Watch::new(snapshots, Some(shared))
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<ServiceName>, Error>> {
        let outcome = self.with(|store| {
            if let Some(why) = &store.down {
                return Err(Error::unavailable(why.to_string()));
            }
            let used = store.services.iter();
            let used = used.filter(|(_, slot)| !slot.instances.is_empty());
            Ok(used.map(|(name, _)| name.clone()).collect())
        });
        Box::pin(async move { outcome })
    }
}

async fn keep(mut entry: Entry, mut registrar: Registrar) {
    let shared = Arc::clone(&entry.registry.0);
    while let Some(wanted) = registrar.wanted() {
        // Listening begins before the attempt, so that a recovery in between is not missed.
        let mut recovered = pin!(shared.recovered.notified());
        recovered.as_mut().enable();
        entry.published = Some(Arc::clone(&wanted.instance));
        entry.registry.put(entry.number, &wanted, &registrar);
        tokio::select! {
            () = registrar.changed() => {}
            () = recovered => {}
        }
    }
    drop(entry);
    registrar.deregistered();
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryRegistry")
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::Address;

    use super::*;
    use crate::{RegistrationStatus, Status};

    fn instance(id: &str) -> Instance {
        let address = Address::tcp(id, 1);
        Instance::new("s".parse().unwrap(), id.parse().unwrap(), "grpc", address)
    }

    #[tokio::test]
    async fn interrupted_registry_keeps_watches_and_recovers() {
        let registry = MemoryRegistry::new();
        let _a = registry.register(instance("a")).await.unwrap();
        let watch = registry.watch(&"s".parse().unwrap());
        registry.interrupt("drill");
        let b = registry.register(instance("b")).await.unwrap();
        assert!(matches!(
            b.status().current(),
            RegistrationStatus::Retrying { .. }
        ));
        assert_eq!(watch.current().status, Status::Stale("drill".into()));
        assert_eq!(watch.current().instances.len(), 1);
        registry.wipe();
        registry.recover();
        assert!(b.status().registered().await);
        let mut watch = watch;
        while watch.current().instances.len() < 2 || watch.current().status != Status::Live {
            assert!(watch.changed().await);
        }
    }

    #[tokio::test]
    async fn replaced_registration_does_not_come_back_by_an_update() {
        let registry = MemoryRegistry::new();
        let old = registry.register(instance("a")).await.unwrap();
        let new = Instance {
            version: "2".to_owned(),
            ..instance("a")
        };
        let _new = registry.register(new).await.unwrap();
        let update = crate::Update::new().weight(crate::Weight::ZERO);
        old.update(update).await.unwrap();
        registry.interrupt("drill");
        registry.recover();
        let snapshot = registry.watch(&"s".parse().unwrap()).current();
        assert_eq!(snapshot.instances[0].version, "2");
        drop(old);
    }

    #[tokio::test]
    async fn replaced_registration_does_not_take_its_successor_away() {
        let registry = MemoryRegistry::new();
        let old = registry.register(instance("a")).await.unwrap();
        let _new = registry.register(instance("a")).await.unwrap();
        old.close().await.unwrap();
        assert_eq!(
            registry
                .watch(&"s".parse().unwrap())
                .current()
                .instances
                .len(),
            1
        );
    }
}
