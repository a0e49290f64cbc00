//! The registry as the rest of the program sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rzero_core::{BoxFuture, Error};
use rzero_registry::backend::{KeeperConfig, Sources};
use rzero_registry::{Instance, Registration, Registry, ServiceName, Watch};

use crate::config::{EtcdConfig, Settings};
use crate::failure::Failure;
use crate::follow::follow;
use crate::keep::keep;
use crate::layout::Keys;
use crate::link::Links;
use crate::store::Store;

/// Most keys that are looked through for the names of services.
const NAMES_MAX: usize = 20_000;

/// A registry in an etcd cluster. Clones share connections and watches.
#[derive(Clone)]
pub struct EtcdRegistry {
    shared: Arc<Shared>,
    sources: Arc<Sources>,
}

/// What all tasks of a registry share.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) links: Links,
}

impl EtcdRegistry {
    /// A registry on the cluster that `config` names. Connects when it is used, and again for
    /// ever: a cluster that is away is no error.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`: the configuration can never work. The message names the key.
    pub fn connect(config: &EtcdConfig) -> Result<Self, Error> {
        let settings = Arc::new(Settings::check(config)?);
        let keeper = KeeperConfig {
            empty_protect: settings.empty_protect,
            settle: settings.settle(),
        };
        let links = Links::new(Arc::clone(&settings));
        Ok(Self {
            shared: Arc::new(Shared { settings, links }),
            sources: Arc::new(Sources::new(keeper)),
        })
    }

    async fn names(&self) -> Result<Vec<ServiceName>, Failure> {
        let mut link = self.shared.links.get().await?;
        let outcome = async {
            let prefix = &self.shared.settings.key_prefix;
            let mut store = Store {
                link: &mut link,
                settings: &self.shared.settings,
            };
            let mut services = BTreeSet::new();
            for (service, _) in self.slots(&mut store, &Keys::all_metadata(prefix)).await? {
                services.insert(service);
            }
            // go-zero's own services: any key on a lease that looks like one. Whoever may not
            // read them all sees ours.
            let foreign = self.slots(&mut store, prefix).await;
            let foreign = foreign.unwrap_or_default().into_iter();
            let foreign = foreign.filter(|(_, has_lease)| *has_lease);
            services.extend(foreign.map(|(service, _)| service));
            self.only_live(&mut store, services).await
        };
        let outcome = outcome.await;
        if let Err(Failure::Away(_)) = &outcome {
            self.shared.links.failed(&link).await;
        }
        outcome
    }

    /// The services of the keys `<begin><service>/<number>`, and whether a lease holds the key.
    async fn slots(
        &self,
        store: &mut Store<'_>,
        begin: &str,
    ) -> Result<Vec<(ServiceName, bool)>, Failure> {
        let names = store.names(begin, NAMES_MAX).await?;
        let slot = |(key, lease): (Vec<u8>, i64)| {
            let name = key.strip_prefix(begin.as_bytes())?;
            let (service, slot) = std::str::from_utf8(name).ok()?.rsplit_once('/')?;
            slot.parse::<i64>().ok()?;
            Some((service.parse().ok()?, lease != 0))
        };
        Ok(names.into_iter().filter_map(slot).collect())
    }

    /// Those of which an instance is left: the note of one that deregistered is a key too.
    async fn only_live(
        &self,
        store: &mut Store<'_>,
        services: BTreeSet<ServiceName>,
    ) -> Result<Vec<ServiceName>, Failure> {
        let mut live = Vec::new();
        for service in services {
            let keys = Keys::of(&self.shared.settings.key_prefix, &service);
            let (view, _) = store.load(&service, &keys, None).await?;
            if !view.listing().instances.is_empty() {
                live.push(service);
            }
        }
        Ok(live)
    }
}

impl Registry for EtcdRegistry {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn register(&self, instance: Instance) -> BoxFuture<'_, Result<Registration, Error>> {
        Box::pin(async move {
            let (guard, registrar) = Registration::new(instance)?;
            let instance = guard.instance();
            tokio::spawn(keep(Arc::clone(&self.shared), registrar, instance));
            guard.first_attempt().await;
            Ok(guard)
        })
    }

    fn watch(&self, service: &ServiceName) -> Watch {
        let shared = Arc::clone(&self.shared);
        self.sources.watch(service, |publisher| {
            follow(shared, service.clone(), publisher)
        })
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<ServiceName>, Error>> {
        Box::pin(async move {
            let names = self.names().await;
            names.map_err(|failure| Error::unavailable(failure.to_string()))
        })
    }
}

impl fmt::Debug for EtcdRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdRegistry")
            .field("endpoints", &self.shared.settings.endpoints)
            .finish_non_exhaustive()
    }
}
