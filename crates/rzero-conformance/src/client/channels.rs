//! Channels to the servers that the suite names.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::parts::client::ClientConfig;
use rzero::parts::core::Address;
use rzero::parts::grpc::{self, ClientOptions, ClientTls, GrpcDialer};
use rzero::parts::registry::{Instance, Snapshot, Watch};
use rzero::policy::Policies;
use rzero::{Channel, Error, Result};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::api::connectrpc::conformance::v1::{
    ClientCompatRequest, Compression, ConformanceServiceClient, TlsCreds,
};

/// Channels that are kept for later calls; the suite needs about ten.
const CHANNELS_MAX: usize = 256;
/// Time to connect before a call begins.
const CONNECT: Duration = Duration::from_secs(1);
/// The protocol of the wire.
const PROTOCOL: &str = "grpc";

/// What calls must have in common to share a channel.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    port: u16,
    trusted: Bytes,
    creds: Option<TlsCreds>,
    /// Whether requests are compressed.
    gzip: bool,
    /// Longest answer; 0 for the default.
    receive_bytes_max: usize,
}

impl Key {
    fn of(request: &ClientCompatRequest) -> Result<Self> {
        let gzip = match request.compression() {
            Compression::Unspecified | Compression::Identity => false,
            Compression::Gzip => true,
            other => {
                let text = format!("{} is not supported", other.as_str_name());
                return Err(Error::unimplemented(text));
            }
        };
        Ok(Self {
            host: request.host.clone(),
            port: u16::try_from(request.port)?,
            trusted: request.server_tls_cert.clone(),
            creds: request.client_tls_creds.clone(),
            gzip,
            receive_bytes_max: usize::try_from(request.message_receive_limit)?,
        })
    }
}

/// Channels by what they have been made for.
#[derive(Default)]
pub(super) struct Channels(Mutex<HashMap<Key, Channel>>);

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Channels")
    }
}

impl Channels {
    /// A client of the server that `request` names, connected when that is possible.
    pub(super) async fn get(
        &self,
        request: &ClientCompatRequest,
    ) -> Result<ConformanceServiceClient> {
        let key = Key::of(request)?;
        let channel = {
            let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if channels.len() >= CHANNELS_MAX {
                channels.clear();
            }
            match channels.get(&key) {
                Some(channel) => channel.clone(),
                None => {
                    let channel = open(&key)?;
                    channels.insert(key, channel.clone());
                    channel
                }
            }
        };
        // Otherwise connecting would take its time from the deadline of the first call. Without a
        // connection the call itself says what is wrong.
        let _ = timeout(CONNECT, channel.ready(1)).await;
        Ok(ConformanceServiceClient::new(channel))
    }
}

fn open(key: &Key) -> Result<Channel> {
    let target: rzero::parts::registry::ServiceName = "conformance".parse()?;
    let address = Address::tcp(key.host.clone(), key.port);
    let id = format!("{}-{}", key.host, key.port).parse()?;
    let instance = Instance::new(target.clone(), id, PROTOCOL, address);
    let instances = Watch::fixed(Snapshot::live(vec![Arc::new(instance)]));
    let config = ClientConfig {
        // A call has the deadline that the suite gives it, or none.
        timeout: Duration::MAX,
        ..ClientConfig::default()
    };
    let dial = Arc::new(dialer(key)?);
    // The suite makes calls fail on purpose, and counts them.
    let policies = Policies::from_toml("[policy]\noff = [\"breaker\", \"retry\"]")
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(Channel::builder(target, instances, PROTOCOL, dial)
        .config(&config)
        .policies(watch::channel(policies).1)
        .build())
}

fn dialer(key: &Key) -> Result<GrpcDialer> {
    let mut options = ClientOptions {
        compression: key.gzip.then_some(grpc::Compression::Gzip),
        ..ClientOptions::default()
    };
    if key.receive_bytes_max > 0 {
        options.receive_bytes_max = key.receive_bytes_max;
    }
    let dialer = GrpcDialer::new().with_options(options);
    if key.trusted.is_empty() {
        return Ok(dialer);
    }
    let folder = tempfile::tempdir()?;
    let file = |name: &str, contents: &[u8]| -> Result<PathBuf> {
        let path = TempDir::path(&folder).join(name);
        std::fs::write(&path, contents)?;
        Ok(path)
    };
    let ca = file("ca.pem", &key.trusted)?;
    let identity = match &key.creds {
        None => None,
        Some(creds) => Some((file("cert.pem", &creds.cert)?, file("key.pem", &creds.key)?)),
    };
    let identity = identity
        .as_ref()
        .map(|(cert, key)| (cert.as_path(), key.as_path()));
    Ok(dialer.with_tls(ClientTls::from_files(&ca, identity, None)?))
}
