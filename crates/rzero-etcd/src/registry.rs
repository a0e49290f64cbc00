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
const NAMES_MAX: usize = 200_000;

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
            let mut services = self.slots(&mut store, &Keys::all_metadata(prefix)).await?;
            // go-zero's own services: any key on a lease that looks like one. Whoever may not
            // read them all sees ours.
            match self.slots(&mut store, prefix).await {
                Ok(foreign) => services.extend(foreign),
                Err(Failure::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
            self.only_live(&mut store, services).await
        };
        let outcome = outcome.await;
        if let Err(Failure::Away(_)) = &outcome {
            self.shared.links.failed(&link).await;
        }
        outcome
    }

    /// The services of the keys `<begin><service>/<number>` that a lease holds.
    async fn slots(
        &self,
        store: &mut Store<'_>,
        begin: &str,
    ) -> Result<BTreeSet<ServiceName>, Failure> {
        let mut services = BTreeSet::new();
        let mut last = String::new();
        let show = |key: &[u8], lease: i64| {
            let name = key.strip_prefix(begin.as_bytes());
            let name = name.and_then(|name| std::str::from_utf8(name).ok());
            let Some((service, slot)) = name.and_then(|name| name.rsplit_once('/')) else {
                return;
            };
            // The keys of one service mostly follow each other.
            if lease != 0 && service != last && slot.parse::<i64>().is_ok() {
                last = service.to_owned();
                services.extend(service.parse::<ServiceName>().ok());
            }
        };
        if !store.names(begin, NAMES_MAX, show).await? {
            tracing::warn!(
                keys = NAMES_MAX,
                "etcd holds too many keys, some services are not listed; give `registry.etcd.\
                 key_prefix` to tell them apart from other keys"
            );
        }
        Ok(services)
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
