//! Servers with the whole chain, on whatever wire, under policies of the bench's choice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{Address, Call, Duplex, Reply, Service, Trailers, Wire};
use rzero_policy::Policies;
use rzero_server::rt::Describe;
use rzero_server::{App, AppHandle, DrainConfig, Mode, ServerConfig, ServiceConfig};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::Result;

/// Everything a server decides about calls is off. Deadlines of callers still travel.
pub(crate) const OFF: &str =
    "[policy]\ntimeout = 'never'\noff = ['shed', 'concurrency', 'rate', 'breaker']";

/// The defaults, for a machine that is kept busy on purpose: there the CPU signal would be on all
/// the time, and what is refused cannot be measured.
pub(crate) const BUSY: &str = "[policy]\nshed.signals = ['memory', 'queue', 'pool']";

/// Serves `service` on `runtime` until that is gone or the handle says so.
pub(crate) fn start<S>(
    runtime: &Handle,
    service: S,
    wire: Arc<dyn Wire>,
    policies: &str,
) -> Result<AppHandle>
where
    S: Describe
        + Service<Call<Bytes>, Reply = Reply<Bytes>>
        + Service<Call<Duplex>, Reply = Trailers>,
{
    let _inside = runtime.enter();
    // The sender may go: these policies stay.
    let (_, policies) = watch::channel(Policies::from_toml(policies)?);
    let drain = DrainConfig {
        wait: Some(Duration::ZERO),
        ..DrainConfig::default()
    };
    let server = ServerConfig {
        drain,
        ..ServerConfig::default()
    };
    let service_config = ServiceConfig {
        name: "bench".to_owned(),
        version: "0.0.0".to_owned(),
        zone: None,
        lane: String::new(),
        mode: Mode::Test,
    };
    let app = App::new(service_config, server)?;
    let app = app.serve(service).wire(wire).policies(policies);
    let handle = app.handle();
    runtime.spawn(async move {
        if let Err(error) = app.run().await {
            panic!("the server ended: {error}");
        }
    });
    Ok(handle)
}

/// Some free port of this machine.
pub(crate) fn anywhere() -> Result<Address> {
    Ok("127.0.0.1:0".parse()?)
}
