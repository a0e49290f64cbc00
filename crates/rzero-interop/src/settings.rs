//! Settings of the programs, as a configuration file would give them.

use std::collections::BTreeMap;

use rzero::config::Settings;
use rzero::parts::client::ClientConfig;
use rzero::parts::registry::{RegistryKind, StaticServices};
use rzero::parts::server::{Mode, ServerConfig, ServiceConfig};

/// Settings that know the servers of `services` and join no registry.
pub(crate) fn settings(
    server: ServerConfig,
    clients: BTreeMap<String, ClientConfig>,
    services: StaticServices,
) -> Settings<()> {
    let service = ServiceConfig {
        name: "interop".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        zone: None,
        lane: String::new(),
        mode: Mode::Dev,
    };
    let mut settings = Settings::new(service, ());
    settings.server = server;
    settings.registry.kind = RegistryKind::Static;
    settings.registry.services = services;
    settings.clients = clients;
    settings
}
