//! What an operator may write about a server.

mod drain;
mod limits;
mod rpc;

use serde::Deserialize;

pub use drain::DrainConfig;
pub use limits::LimitsConfig;
pub use rpc::{CompressionConfig, RpcConfig, TlsConfig};

use crate::auth::AuthConfig;

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
    /// Who may call what; everybody may call everything by default.
    pub auth: AuthConfig,
}
