//! The cases, each with what it asserts.
//!
//! [`Target::connect`] once, then [`Case::run`] for each case: all of them share one channel, so
//! that a case which leaves the connection broken fails the next one.

mod case;
mod check;
mod compressed;
mod endings;
mod streams;
mod unary;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rzero::parts::client::{ClientConfig, ClientTlsConfig};
use rzero::parts::grpc::{ClientOptions, ClientTls, Compression, GrpcDialer};
use rzero::parts::registry::{Instance, Registry, ServiceName, StaticInstance, StaticRegistry};
use rzero::parts::server::ServerConfig;
use rzero::{App, Channel, Error, Result};
use tokio::time::timeout;

use crate::api::grpc::testing::{TestServiceClient, UnimplementedServiceClient};
use crate::settings::settings;

pub use case::Case;
pub use check::Failure;

/// How long a unary call may take; a debug build on a busy machine is not judged by its speed.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The name that the server goes by here.
const NAME: &str = "peer";

/// Whom to call, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port` of the server.
    pub addr: String,
    /// The authority to trust, PEM, and the name to expect in the server's certificate; without
    /// it plaintext is spoken.
    pub tls: Option<(PathBuf, Option<String>)>,
}

/// A server under test, connected.
#[derive(Clone, Debug)]
pub struct Target {
    options: Options,
    pub(crate) channel: Channel,
    pub(crate) test: TestServiceClient,
    pub(crate) unimplemented: UnimplementedServiceClient,
}

impl Target {
    /// Connects, and waits until the server is there.
    ///
    /// # Errors
    /// When the options are wrong, or when the server does not accept a connection in time.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// Safe: a dropped future leaves nothing behind.
    pub async fn connect(options: &Options) -> Result<Self> {
        let tls = options
            .tls
            .clone()
            .map(|(ca, server_name)| ClientTlsConfig {
                ca,
                cert: None,
                key: None,
                server_name,
            });
        let client = ClientConfig {
            timeout: CALL_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            tls,
            ..ClientConfig::default()
        };
        let clients = BTreeMap::from([(NAME.to_owned(), client)]);
        let address = options.addr.parse().map_err(Error::from)?;
        let services = [(NAME.parse()?, vec![StaticInstance::new(address)])];
        let settings = settings(ServerConfig::default(), clients, services.into());
        let channel = App::new(&settings)?.channel(NAME)?;
        is_ready(&channel, options).await?;
        Ok(Self {
            options: options.clone(),
            test: TestServiceClient::new(channel.clone()),
            unimplemented: UnimplementedServiceClient::new(channel.clone()),
            channel,
        })
    }

    /// A client whose requests are compressed, on a connection of its own.
    pub(crate) async fn compressing(&self) -> Result<TestServiceClient> {
        let dialer = GrpcDialer::new().with_options(ClientOptions {
            compression: Some(Compression::Gzip),
            ..ClientOptions::default()
        });
        let dialer = match &self.options.tls {
            None => dialer,
            Some((ca, name)) => dialer.with_tls(ClientTls::from_files(ca, None, name.as_deref())?),
        };
        let name: ServiceName = NAME.parse()?;
        let (id, address) = (NAME.parse()?, self.options.addr.parse()?);
        let instance = Instance::new(name.clone(), id, "grpc", address);
        let watch = StaticRegistry::new([instance])?.watch(&name);
        let config = ClientConfig {
            timeout: CALL_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            ..ClientConfig::default()
        };
        let channel = Channel::new(name, watch, "grpc", Arc::new(dialer), &config, None);
        is_ready(&channel, &self.options).await?;
        Ok(TestServiceClient::new(channel))
    }
}

/// Waits until the server has accepted a connection.
async fn is_ready(channel: &Channel, options: &Options) -> Result<()> {
    let ready = timeout(CONNECT_TIMEOUT, channel.ready(1)).await;
    ready.map_err(|_| {
        let text = format!("{}: no connection within {CONNECT_TIMEOUT:?}", options.addr);
        Error::unavailable(text)
    })
}
