//! What an operator may write about a client.

mod limits;

use std::path::PathBuf;
use std::time::Duration;

use rzero_balance::Policy;
use rzero_config::{ByteSize, OrNever};
use serde::Deserialize;

pub use limits::ClientLimitsConfig;

/// `[client.<name>]`: how one target service is called.
///
/// What is `None` is left to the wire, which knows its own defaults and checks the ranges when it
/// is made; `docs/configuration.md` lists them.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ClientConfig {
    /// The service to call, as it registers; by default the name of the section.
    pub service: Option<String>,
    /// Fixed addresses instead of the registry, such as `["127.0.0.1:8080"]`.
    pub addresses: Vec<String>,
    /// Time of a unary call, retries included, default 2 s. What is left of the caller's own
    /// deadline wins when it is shorter. Streams have no deadline of their own.
    #[serde(with = "rzero_config::duration")]
    pub timeout: Duration,
    /// Time to connect to an instance, and how long a call waits for the first one, default 3 s.
    #[serde(with = "rzero_config::duration")]
    pub connect_timeout: Duration,
    /// How an instance is chosen, default `p2c_ewma`.
    pub balancer: Policy,
    /// TLS; plaintext by default.
    pub tls: Option<ClientTlsConfig>,
    /// Whether calls wait for an instance until their deadline when none is ready, default false.
    pub wait_for_ready: bool,
    /// Longest message that is received, counted after decompression; 1 B to 1 GiB and less than
    /// `receive_buffer`.
    pub max_message: Option<ByteSize>,
    /// Longest message that is sent, counted before compression; 1 B to 2 GiB - 1.
    pub max_send_message: Option<ByteSize>,
    /// How requests are compressed. Compressed answers are always understood.
    pub compression: Option<ClientCompressionConfig>,
    /// Calls in flight on a connection, those included that wait for the server to take more; more
    /// are refused. 1 to 2^31 - 1.
    pub max_calls: Option<u64>,
    /// Connections to an instance, of which there is at most one for each core: a further one is
    /// opened when those there are saturated. 1 to 1,024.
    pub max_connections: Option<u64>,
    /// Time without a byte after which a server is asked for a sign of life; at least 1 s.
    pub keepalive: Option<OrNever>,
    /// Time that it has to give one; at least 100 ms.
    #[serde(with = "rzero_config::duration::option")]
    pub keepalive_timeout: Option<Duration>,
    /// Bytes of messages of a connection that were received and not consumed; past it the calls
    /// that stalled longest end. 64 KiB to 1 TiB.
    pub receive_buffer: Option<ByteSize>,
    /// The bounds of HTTP/2 itself.
    pub limits: ClientLimitsConfig,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            service: None,
            addresses: Vec::new(),
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(3),
            balancer: Policy::default(),
            tls: None,
            wait_for_ready: false,
            max_message: None,
            max_send_message: None,
            compression: None,
            max_calls: None,
            max_connections: None,
            keepalive: None,
            keepalive_timeout: None,
            receive_buffer: None,
            limits: ClientLimitsConfig::default(),
        }
    }
}

/// How a client compresses its requests.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ClientCompressionConfig {
    /// Not at all.
    Never,
    /// With gzip.
    Gzip,
}

/// `[client.<name>.tls]`: PEM files.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientTlsConfig {
    /// The authority that signed the servers' certificates.
    pub ca: PathBuf,
    /// A certificate to show, together with `key`.
    pub cert: Option<PathBuf>,
    /// The key of `cert`.
    pub key: Option<PathBuf>,
    /// The name to expect in the server's certificate instead of the dialed host.
    pub server_name: Option<String>,
}
