//! What an operator may write about a server.

use std::path::PathBuf;
use std::time::Duration;

use rzero_core::{Error, Result};
use serde::Deserialize;

/// `[service]`: who this is.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceConfig {
    /// The name under which instances register and clients find them, such as `greeter`.
    pub name: String,
    /// Version of the program, default `0.0.0`.
    #[serde(default = "version")]
    pub version: String,
    /// Zone this instance runs in; none by default.
    pub zone: Option<String>,
    /// Lane this instance serves; the default lane by default.
    #[serde(default)]
    pub lane: String,
    /// `dev` (default), `test` or `pro`.
    #[serde(default)]
    pub mode: Mode,
}

fn version() -> String {
    "0.0.0".to_owned()
}

/// How careful the defaults are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On a developer's machine: reflection is on, the default address is a free loopback port.
    #[default]
    Dev,
    /// In a test environment: reflection is on.
    Test,
    /// In production: reflection is off and the address must be written down.
    Pro,
}

/// `[server]`: how it serves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServerConfig {
    /// The RPC port.
    pub rpc: RpcConfig,
    /// How it leaves.
    pub drain: DrainConfig,
}

/// `[server.rpc]`: the RPC port.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RpcConfig {
    /// Address to listen on, `host:port` or `unix:/path`; port 0 takes a free one. Default
    /// `127.0.0.1:0` in dev and test, required in pro.
    pub listen: Option<String>,
    /// Address to register; by default the one listened on. On all interfaces it is `$POD_IP`,
    /// or the address of the interface that the default route uses.
    pub advertise: Option<String>,
    /// Time of a unary call whose caller gave none, default 2 s.
    #[serde(with = "rzero_config::duration")]
    pub timeout: Duration,
    /// TLS; plaintext by default.
    pub tls: Option<TlsConfig>,
    /// Whether reflection is served; by default on in dev and test, off in pro.
    pub reflection: Option<bool>,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: None,
            advertise: None,
            timeout: Duration::from_secs(2),
            tls: None,
            reflection: None,
        }
    }
}

impl RpcConfig {
    /// The address to listen on.
    ///
    /// # Errors
    /// When it is not an address, or missing in mode `pro`.
    pub fn listen(&self, mode: Mode) -> Result<rzero_core::Address> {
        let text = match (&self.listen, mode) {
            (Some(text), _) => text.as_str(),
            (None, Mode::Pro) => {
                return Err(Error::invalid_input(
                    "server.rpc.listen is missing: in mode `pro` write the address to listen on, \
                     such as listen = \"0.0.0.0:8080\"",
                ));
            }
            (None, _) => "127.0.0.1:0",
        };
        text.parse()
            .map_err(|e| Error::invalid_input(format!("server.rpc.listen: {e}")))
    }
}

/// Certificates of a server, as PEM files.
#[derive(Clone, Debug, Deserialize)]
pub struct TlsConfig {
    /// The certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority that signs clients' certificates; with it clients must show one.
    pub client_ca: Option<PathBuf>,
}

/// `[server.drain]`: how long each phase of leaving may take.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct DrainConfig {
    /// Leaving the registry, default 2 s.
    #[serde(with = "rzero_config::duration")]
    pub deregister: Duration,
    /// Serving on while peers learn of it, default 5 s; 500 ms in mode `dev`, where peers share
    /// this host. Skipped without a registry.
    #[serde(with = "rzero_config::duration::option")]
    pub wait: Option<Duration>,
    /// Calls in flight finish, default 15 s.
    #[serde(with = "rzero_config::duration")]
    pub in_flight: Duration,
    /// Background parts and shielded sections end, default 3 s.
    #[serde(with = "rzero_config::duration")]
    pub back_ends: Duration,
    /// The whole, default 30 s: Kubernetes' default grace period.
    #[serde(with = "rzero_config::duration")]
    pub budget: Duration,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self {
            deregister: Duration::from_secs(2),
            wait: None,
            in_flight: Duration::from_secs(15),
            back_ends: Duration::from_secs(3),
            budget: Duration::from_secs(30),
        }
    }
}

impl DrainConfig {
    /// How long the server serves on while peers learn that it leaves.
    #[must_use]
    pub fn wait(&self, mode: Mode) -> Duration {
        let default = match mode {
            Mode::Dev => Duration::from_millis(500),
            Mode::Test | Mode::Pro => Duration::from_secs(5),
        };
        self.wait.unwrap_or(default)
    }

    /// Checks that the phases fit into the budget.
    ///
    /// # Errors
    /// When they do not; the message says by how much.
    pub fn check(&self, mode: Mode) -> Result<()> {
        let phases = [
            self.deregister,
            self.wait(mode),
            self.in_flight,
            self.back_ends,
        ];
        let sum = phases
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add);
        if sum <= self.budget {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "server.drain: the phases take {sum:?}, more than budget = {:?}; shorten one, or raise \
             the budget together with terminationGracePeriodSeconds",
            self.budget
        )))
    }
}
