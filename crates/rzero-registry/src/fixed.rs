//! A registry whose lists were written by an operator.

use std::collections::BTreeMap;
use std::sync::Arc;

use rzero_core::{BoxFuture, Error};

use crate::config::StaticInstance;
use crate::registration::Registrar;
use crate::{Instance, InstanceId, Registration, Registry, ServiceName, Snapshot, Watch};

/// A registry whose lists were written by an operator and never change.
///
/// Registering is accepted and changes nothing: what serves under a static list is known to the
/// one who wrote it.
#[derive(Clone, Debug, Default)]
pub struct StaticRegistry(Arc<BTreeMap<ServiceName, Vec<Arc<Instance>>>>);

impl StaticRegistry {
    /// A registry of these instances.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`: an instance breaks a limit, or two of one service share an id.
    pub fn new(instances: impl IntoIterator<Item = Instance>) -> Result<Self, Error> {
        let mut services: BTreeMap<ServiceName, BTreeMap<InstanceId, Arc<Instance>>> =
            BTreeMap::new();
        for instance in instances {
            let wrong = |why: String| Error::invalid_input(format!("static registry: {why}"));
            instance.check().map_err(|error| wrong(error.to_string()))?;
            let (service, id) = (instance.service.clone(), instance.id.clone());
            let known = services.entry(service.clone()).or_default();
            if known.insert(id.clone(), Arc::new(instance)).is_some() {
                return Err(wrong(format!("`{service}` lists instance `{id}` twice")));
            }
        }
        let lists = services.into_iter();
        let lists = lists.map(|(name, list)| (name, list.into_values().collect()));
        Ok(Self(Arc::new(lists.collect())))
    }

    /// A registry of the lists of a configuration. An instance without an id is called after its
    /// place in the list, so that ids survive a restart.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_config(
        services: &BTreeMap<ServiceName, Vec<StaticInstance>>,
    ) -> Result<Self, Error> {
        let mut instances = Vec::new();
        for (service, list) in services {
            for (index, entry) in list.iter().enumerate() {
                let fallback = format!("static-{index}").parse().map_err(Error::from)?;
                instances.push(entry.to_instance(service, fallback));
            }
        }
        Self::new(instances)
    }
}

impl Registry for StaticRegistry {
    fn name(&self) -> &'static str {
        "static"
    }

    fn register(&self, instance: Instance) -> BoxFuture<'_, Result<Registration, Error>> {
        Box::pin(async move {
            let (guard, registrar) = Registration::new(instance)?;
            tokio::spawn(accept(registrar));
            guard.first_attempt().await;
            Ok(guard)
        })
    }

    fn watch(&self, service: &ServiceName) -> Watch {
        let instances = self.0.get(service).cloned().unwrap_or_default();
        Watch::fixed(Snapshot::live(instances))
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<ServiceName>, Error>> {
        Box::pin(async move { Ok(self.0.keys().cloned().collect()) })
    }
}

/// Says yes to everything.
async fn accept(mut registrar: Registrar) {
    while let Some(wanted) = registrar.wanted() {
        registrar.registered(wanted.version);
        registrar.changed().await;
    }
    registrar.deregistered();
}

#[cfg(test)]
mod tests {
    use rzero_core::Address;

    use super::*;

    fn instance(id: &str) -> Instance {
        let address = Address::tcp("127.0.0.1", 1);
        Instance::new("s".parse().unwrap(), id.parse().unwrap(), "grpc", address)
    }

    #[tokio::test]
    async fn listed_instances_are_live_and_others_are_not_added() {
        let registry = StaticRegistry::new([instance("b"), instance("a")]).unwrap();
        let guard = registry.register(instance("c")).await.unwrap();
        let snapshot = registry.watch(&"s".parse().unwrap()).current();
        let ids: Vec<_> = snapshot.instances.iter().map(|i| i.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        guard.close().await.unwrap();
        assert_eq!(registry.services().await.unwrap(), ["s".parse().unwrap()]);
    }

    #[test]
    fn doubled_id_is_refused() {
        let error = StaticRegistry::new([instance("a"), instance("a")]).unwrap_err();
        assert!(
            error.message().contains("lists instance `a` twice"),
            "{error}"
        );
    }
}
