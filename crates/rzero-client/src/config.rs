//! What an operator may write about a client.

use std::path::PathBuf;
use std::time::Duration;

use rzero_balance::Policy;
use serde::Deserialize;

/// `[client.<name>]`: how one target service is called.
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
        }
    }
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
