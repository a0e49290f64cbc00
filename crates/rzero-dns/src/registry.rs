//! The registry as the rest of the program sees it.

use std::fmt;
use std::sync::Arc;

use rzero_core::{BoxFuture, Error};
use rzero_registry::backend::{KeeperConfig, Registrar, Sources};
use rzero_registry::{Instance, Registration, Registry, ServiceName, Watch};

use crate::config::{DnsConfig, Settings};
use crate::follow::follow;
use crate::lookup::Lookup;
use crate::pace::Pace;
use crate::question::Asker;

/// A read-only registry in the domain name system. Clones share watches.
#[derive(Clone)]
pub struct DnsRegistry {
    settings: Arc<Settings>,
    asker: Arc<Asker>,
    sources: Arc<Sources>,
}

impl DnsRegistry {
    /// A registry under the names that `config` gives. Asks nobody yet.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`: the configuration can never work, or names no server and the system
    /// does not either. The message names the key.
    pub fn open(config: &DnsConfig) -> Result<Self, Error> {
        let settings = Settings::check(config)?;
        let keeper = KeeperConfig {
            empty_protect: settings.empty_protect,
            ..KeeperConfig::default()
        };
        Ok(Self {
            asker: Arc::new(Asker::new(&settings)?),
            settings: Arc::new(settings),
            sources: Arc::new(Sources::new(keeper)),
        })
    }
}

impl Registry for DnsRegistry {
    fn name(&self) -> &'static str {
        "dns"
    }

    /// Accepts and does nothing but say so: whoever keeps the zone lists the instances.
    fn register(&self, instance: Instance) -> BoxFuture<'_, Result<Registration, Error>> {
        Box::pin(async move {
            let (guard, registrar) = Registration::new(instance)?;
            tracing::info!(
                service = %guard.instance().service,
                "not registered: the dns registry is read-only; its records are kept by whoever \
                 keeps the zone, as Kubernetes does for the ready pods of a headless service"
            );
            tokio::spawn(accept(registrar));
            guard.first_attempt().await;
            Ok(guard)
        })
    }

    fn watch(&self, service: &ServiceName) -> Watch {
        let target = match self.settings.pattern(service) {
            Some(pattern) => pattern.of(service),
            None => Err(format!(
                "registry.dns has no name for `{service}`; write one under [registry.dns.names]"
            )),
        };
        self.sources.watch(service, |mut publisher| {
            let (asker, settings) = (Arc::clone(&self.asker), Arc::clone(&self.settings));
            let service = service.clone();
            async move {
                match target {
                    Ok(target) => {
                        let pace = Pace::new(settings.refresh_min, settings.refresh_max);
                        let lookup = Lookup::new(asker, settings, service.clone(), target);
                        follow(lookup, pace, service, publisher).await;
                    }
                    Err(why) => {
                        tracing::error!(%service, why, "the service cannot be looked up");
                        publisher.down(why);
                        // Nothing will change; the watch lasts as long as somebody wants it.
                        std::future::pending().await
                    }
                }
            }
        })
    }

    /// The services with a name of their own in the configuration: DNS has no list of what fits a
    /// pattern.
    fn services(&self) -> BoxFuture<'_, Result<Vec<ServiceName>, Error>> {
        Box::pin(async move {
            if self.settings.names.is_empty() {
                return Err(Error::unavailable(
                    "the dns registry cannot list services: DNS has no list of what fits \
                     registry.dns.name; name one",
                ));
            }
            Ok(self.settings.names.keys().cloned().collect())
        })
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

impl fmt::Debug for DnsRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsRegistry")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
