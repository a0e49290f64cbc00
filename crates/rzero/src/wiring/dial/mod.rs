//! Wires and channels by configuration.

#[cfg(feature = "grpc")]
mod options;
#[cfg(feature = "grpc")]
mod section;
#[cfg(all(test, feature = "grpc"))]
mod tests;

use std::sync::Arc;

use rzero_client::{Channel, ClientConfig};
use rzero_core::{Dial, Error, Result, Wire};
use rzero_registry::{Instance, Registry, StaticRegistry};
use rzero_server::{ServerConfig, ServiceConfig};

use super::{Links, service_name};

/// The protocol of calls; more follow with their wires.
pub(super) const PROTOCOL: &str = "grpc";

/// The wire that a server listens on.
#[cfg(feature = "grpc")]
pub(super) fn wire(service: &ServiceConfig, server: &ServerConfig) -> Result<Arc<dyn Wire>> {
    let options = options::server(&server.rpc)?;
    let wire = rzero_grpc::GrpcWire::new(server.rpc.listen(service.mode)?).with_options(options);
    Ok(Arc::new(match &server.rpc.tls {
        None => wire,
        Some(tls) => {
            let ca = tls.client_ca.as_deref();
            wire.with_tls(rzero_grpc::ServerTls::from_files(&tls.cert, &tls.key, ca)?)
        }
    }))
}

/// The wire that a server listens on.
#[cfg(not(feature = "grpc"))]
pub(super) fn wire(_: &ServiceConfig, _: &ServerConfig) -> Result<Arc<dyn Wire>> {
    Err(no_wire())
}

/// What opens the connections of a client.
///
/// # Errors
/// When a value is out of its range, when its certificates cannot be used, or when no wire is
/// compiled in.
pub fn dialer(config: &ClientConfig) -> Result<Arc<dyn Dial>> {
    dialer_of("client", config)
}

/// What opens the connections of the client that `section` describes.
#[cfg(feature = "grpc")]
fn dialer_of(section: &str, config: &ClientConfig) -> Result<Arc<dyn Dial>> {
    let options = options::client(section, config)?;
    let dialer = rzero_grpc::GrpcDialer::new().with_options(options);
    Ok(Arc::new(match &config.tls {
        None => dialer,
        Some(tls) => {
            let identity = match (&tls.cert, &tls.key) {
                (Some(cert), Some(key)) => Some((cert.as_path(), key.as_path())),
                (None, None) => None,
                _ => {
                    return Err(Error::invalid_input(format!(
                        "{section}.tls: cert and key go together"
                    )));
                }
            };
            let name = tls.server_name.as_deref();
            dialer.with_tls(rzero_grpc::ClientTls::from_files(&tls.ca, identity, name)?)
        }
    }))
}

#[cfg(not(feature = "grpc"))]
fn dialer_of(_: &str, _: &ClientConfig) -> Result<Arc<dyn Dial>> {
    Err(no_wire())
}

#[cfg(not(feature = "grpc"))]
fn no_wire() -> Error {
    Error::invalid_input("no wire is compiled in: switch on the feature `grpc` of rzero")
}

/// A channel to the service of a `[client.<name>]` section.
pub(super) fn channel(name: &str, config: &ClientConfig, links: &Links) -> Result<Channel> {
    let section = format!("client.{name}");
    let service = config.service.as_deref().unwrap_or(name);
    let target = service_name(service, &format!("{section}.service"))?;
    let dial = dialer_of(&section, config)?;
    let watch = if config.addresses.is_empty() {
        links.registry.watch(&target)
    } else {
        let mut instances = Vec::new();
        for (index, text) in config.addresses.iter().enumerate() {
            let address = text
                .parse()
                .map_err(|e| Error::invalid_input(format!("{section}.addresses: {e}")))?;
            let id = format!("static-{index}").parse().map_err(Error::from)?;
            instances.push(Instance::new(target.clone(), id, PROTOCOL, address));
        }
        StaticRegistry::new(instances)?.watch(&target)
    };
    Ok(Channel::builder(target, watch, PROTOCOL, dial)
        .config(config)
        .name(name)
        .caller(Some(Arc::clone(&links.caller)))
        .zone(links.zone.as_deref())
        .policies(links.policies.watch())
        .build())
}
