//! Which service is called, and the channel to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use heck::{ToKebabCase, ToSnakeCase};
use rzero::CallOptions;
use rzero::parts::client::{Channel, ClientConfig, ClientTlsConfig};
use rzero::parts::core::{Address, Class, Code, Error};
use rzero::parts::dialer;
use rzero::parts::registry::{
    Instance, InstanceId, Registry, ServiceName, Snapshot, StaticRegistry, Watch,
};

use super::registry::RegistryArgs;
use super::trail::{NotedDial, Trail};
use super::{PATIENCE, reflection};
use crate::failure::{Failure, Result};

/// The protocol that is spoken.
pub(crate) const PROTOCOL: &str = "grpc";
/// Most services that are asked for their contracts.
const ASKED_MAX: usize = 32;
/// How long one of them may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// Most services that an error names.
const NAMED_MAX: usize = 20;

/// Where the callee is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// Call this address instead of looking the service up
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["name", "registry",
        "registry_dir", "etcd_endpoints", "config"])]
    addr: Option<Address>,

    /// Name under which the service registers [default: found by the name of the contract]
    #[arg(long = "service", id = "name", value_name = "NAME")]
    name: Option<ServiceName>,

    /// Authority that signed the servers' certificates, PEM; switches TLS on
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,

    /// Certificate to show, PEM
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_key"])]
    tls_cert: Option<PathBuf>,

    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Name that the servers' certificates must have
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    tls_server_name: Option<String>,

    #[command(flatten)]
    registry: RegistryArgs,
}

/// A service that can be called.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) channel: Channel,
    pub(crate) trail: Arc<Trail>,
}

impl Target {
    /// Why an error says that nobody could be reached, when it does.
    pub(crate) fn connections(&self, error: &Error) -> Vec<String> {
        let unreached = [
            Class::NoEndpoint,
            Class::ConnectFailed,
            Class::DeadlineExceeded,
        ];
        if !unreached.contains(&error.class()) {
            return Vec::new();
        }
        let mut lines = self.trail.failures();
        for node in self.channel.nodes() {
            let address = node.address.to_string();
            if node.state == "connecting" && !lines.iter().any(|line| line.contains(&address)) {
                lines.push(format!("{address} has not answered yet"));
            }
        }
        lines
    }
}

impl TargetArgs {
    /// A channel to the service that offers `contract`, such as `greeter.v1.Greeter`.
    pub(crate) async fn open(&self, contract: Option<&str>) -> Result<Target> {
        if let Some(address) = &self.addr {
            let name: ServiceName = "target".parse().map_err(wrong_name)?;
            let id: InstanceId = "target".parse().map_err(wrong_name)?;
            let instance = Instance::new(name.clone(), id, PROTOCOL, address.clone());
            let registry = StaticRegistry::new([instance]).map_err(unusable)?;
            return self.connect(name.clone(), registry.watch(&name));
        }
        let registry = self.registry.open()?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => self.find(&*registry, contract).await?,
        };
        let watch = registry.watch(&name);
        if known(watch.clone()).await.instances.is_empty() {
            let services = services(&*registry).await?;
            return Err(unknown(
                &format!("no instance of `{name}` is registered"),
                &services,
            ));
        }
        self.connect(name, watch)
    }

    /// The registered service that offers a contract: by the names that people give, the service
    /// or the last or first part of its package; else by asking all of them.
    async fn find(&self, registry: &dyn Registry, contract: Option<&str>) -> Result<ServiceName> {
        let services = services(registry).await?;
        let Some(contract) = contract else {
            return match services.as_slice() {
                [only] => Ok(only.clone()),
                _ => Err(unknown("which service is not said", &services)),
            };
        };
        if services.is_empty() {
            return Err(Failure::input("no service is registered").help(format!(
                "start it, name its address with `--addr`, or another registry with `--registry`;\n\
                 this one is `{}`",
                registry.name()
            )));
        }
        let candidates = candidates(contract);
        let found = candidates
            .iter()
            .find_map(|candidate| services.iter().find(|name| name.as_str() == candidate));
        if let Some(name) = found {
            return Ok(name.clone());
        }
        let asking = self.ask(registry, &services, contract);
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Some(name)) => Ok(name),
            _ => Err(unknown(
                &format!("no registered service is called like `{contract}` or says it offers it"),
                &services,
            )),
        }
    }

    /// Asks services for their contracts, until one has it.
    async fn ask(
        &self,
        registry: &dyn Registry,
        services: &[ServiceName],
        contract: &str,
    ) -> Option<ServiceName> {
        let options = CallOptions::new().deadline(ASK_TIMEOUT);
        for name in services.iter().take(ASKED_MAX) {
            let watch = registry.watch(name);
            if known(watch.clone()).await.instances.is_empty() {
                continue;
            }
            let Ok(target) = self.connect(name.clone(), watch) else {
                continue;
            };
            let offered = reflection::list(&target.channel, &options).await;
            // A symbol within a service or beside it: the package decides.
            if offered.is_ok_and(|offered| offered.iter().any(|one| is_of(contract, one))) {
                return Some(name.clone());
            }
        }
        None
    }

    fn connect(&self, name: ServiceName, watch: Watch) -> Result<Target> {
        let tls = self.tls_ca.as_ref().map(|ca| ClientTlsConfig {
            ca: ca.clone(),
            cert: self.tls_cert.clone(),
            key: self.tls_key.clone(),
            server_name: self.tls_server_name.clone(),
        });
        let config = ClientConfig {
            tls,
            ..ClientConfig::default()
        };
        let trail = Arc::new(Trail::default());
        let dial = Arc::new(NotedDial {
            inner: dialer(&config).map_err(unusable)?,
            trail: Arc::clone(&trail),
        });
        let caller = Some(concat!("rzctl@", env!("CARGO_PKG_VERSION")).into());
        let channel = Channel::new(name, watch, PROTOCOL, dial, &config, caller);
        Ok(Target { channel, trail })
    }
}

/// Whether a symbol is a service, or something in it or in its package.
fn is_of(symbol: &str, service: &str) -> bool {
    let package = service.rsplit_once('.').map_or("", |(package, _)| package);
    let holder = symbol.rsplit_once('.').map_or("", |(holder, _)| holder);
    symbol == service || holder == service || (!package.is_empty() && holder == package)
}

/// What a registry says about a service once it has answered; what it knows when it does not.
pub(crate) async fn known(mut watch: Watch) -> Arc<Snapshot> {
    let answered = async { while !watch.current().status.is_known() && watch.changed().await {} };
    let _ = tokio::time::timeout(PATIENCE, answered).await;
    watch.current()
}

/// All services of a registry, in order.
pub(crate) async fn services(registry: &dyn Registry) -> Result<Vec<ServiceName>> {
    let failed = |error: Error| {
        Failure::broken(format!("the registry ({}) cannot be read", registry.name()))
            .because_of(&error)
    };
    match tokio::time::timeout(PATIENCE, registry.services()).await {
        Ok(services) => services.map_err(failed),
        Err(_) => Err(Failure::broken(format!(
            "the registry ({}) does not answer",
            registry.name()
        ))),
    }
}

/// Names under which the service of a contract may be registered, the likeliest first.
fn candidates(contract: &str) -> Vec<String> {
    let (package, service) = contract.rsplit_once('.').unwrap_or(("", contract));
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let parts: Vec<&str> = package
        .split('.')
        .filter(|part| !part.is_empty() && !is_version(part))
        .collect();
    let mut names = vec![service.to_kebab_case(), service.to_snake_case()];
    for part in parts.last().into_iter().chain(parts.first()) {
        names.extend([part.to_kebab_case(), part.to_snake_case()]);
    }
    names.push(parts.join("."));
    names.push(package.to_owned());
    names.push(contract.to_owned());
    // Fleets of go-zero call their services like this.
    let suffixed: Vec<String> = names.iter().map(|name| format!("{name}.rpc")).collect();
    names.extend(suffixed);
    names
}

fn unknown(what: &str, services: &[ServiceName]) -> Failure {
    let mut names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    if names.len() > NAMED_MAX {
        names.truncate(NAMED_MAX);
        names.push("…");
    }
    let names = match names.is_empty() {
        true => "none is registered".to_owned(),
        false => format!("registered are: {}", names.join(", ")),
    };
    Failure::input(what).help(format!("name the service with `--service`; {names}"))
}

fn wrong_name(error: impl std::error::Error + 'static) -> Failure {
    Failure::broken("a name is refused; this is a bug").because(&error)
}

fn unusable(error: Error) -> Failure {
    let failure = match error.code() {
        Code::InvalidArgument => Failure::input("the connection cannot be set up"),
        _ => Failure::broken("the connection cannot be set up"),
    };
    failure.because_of(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_comes_before_package() {
        let names = candidates("shop.orders.v1.OrderDesk");
        assert_eq!(
            names[..8],
            [
                "order-desk",
                "order_desk",
                "orders",
                "orders",
                "shop",
                "shop",
                "shop.orders",
                "shop.orders.v1"
            ]
        );
        assert!(names.contains(&"order-desk.rpc".to_owned()));
    }
}
