//! Registries by configuration.

use std::sync::Arc;

use rzero_core::{Error, Result};
use rzero_registry::{LocalRegistry, Registry, RegistryConfig, RegistryKind, StaticRegistry};

#[cfg(feature = "etcd")]
use rzero_etcd::EtcdConfig as Etcd;
#[cfg(not(feature = "etcd"))]
use rzero_registry::NoEtcd as Etcd;

#[cfg(feature = "dns")]
use rzero_dns::DnsConfig as Dns;
#[cfg(not(feature = "dns"))]
use rzero_registry::NoDns as Dns;

/// `[registry]` of a configuration.
pub type RegistrySettings = RegistryConfig<Etcd, Dns>;

/// The registry that a configuration names. Nothing is awaited: a registry that is away is joined
/// as soon as it is back.
///
/// # Errors
/// When the configuration is impossible: a folder that cannot be used, a kind whose feature is off.
pub fn registry(settings: &RegistrySettings) -> Result<Arc<dyn Registry>> {
    match settings.kind {
        RegistryKind::Local => Ok(Arc::new(match &settings.dir {
            Some(dir) => LocalRegistry::open(dir)?,
            None => LocalRegistry::open_default()?,
        })),
        RegistryKind::Static => Ok(Arc::new(StaticRegistry::from_config(&settings.services)?)),
        RegistryKind::Etcd => etcd(settings),
        RegistryKind::Dns => dns(settings),
        other => Err(Error::invalid_input(format!(
            "registry.kind = \"{other}\" cannot be configured; use local, static, etcd or dns"
        ))),
    }
}

#[cfg(feature = "etcd")]
fn etcd(settings: &RegistrySettings) -> Result<Arc<dyn Registry>> {
    let config = settings.etcd.clone().unwrap_or_default();
    Ok(Arc::new(rzero_etcd::EtcdRegistry::connect(&config)?))
}

#[cfg(not(feature = "etcd"))]
fn etcd(_: &RegistrySettings) -> Result<Arc<dyn Registry>> {
    Err(Error::invalid_input(
        "registry.kind = \"etcd\" needs the feature `etcd` of rzero: run \
         `cargo add rzero --features etcd` (its build needs protoc: apt install protobuf-compiler libprotobuf-dev)",
    ))
}

#[cfg(feature = "dns")]
fn dns(settings: &RegistrySettings) -> Result<Arc<dyn Registry>> {
    let config = settings.dns.clone().unwrap_or_default();
    Ok(Arc::new(rzero_dns::DnsRegistry::open(&config)?))
}

#[cfg(not(feature = "dns"))]
fn dns(_: &RegistrySettings) -> Result<Arc<dyn Registry>> {
    Err(Error::invalid_input(
        "registry.kind = \"dns\" needs the feature `dns` of rzero: run \
         `cargo add rzero --features dns`",
    ))
}
