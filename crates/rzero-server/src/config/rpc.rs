//! The RPC port.

use std::path::PathBuf;
use std::time::Duration;

use rzero_config::{ByteSize, OrNever};
use rzero_core::{Error, Result};
use serde::Deserialize;

use super::{LimitsConfig, Mode};

/// `[server.rpc]`: the RPC port.
///
/// What is `None` is left to the wire, which knows its own defaults and checks the ranges when it
/// is made; `docs/configuration.md` lists them.
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
    /// Longest message that is received, counted after decompression; 1 B to 1 GiB and less than
    /// `receive_buffer`.
    pub max_message: Option<ByteSize>,
    /// Longest message that is sent, counted before compression; 1 B to 2 GiB - 1.
    pub max_send_message: Option<ByteSize>,
    /// Which answers are compressed, for callers that take it.
    pub compression: Option<CompressionConfig>,
    /// Connections at a time; more are closed at once. 1 to 16,777,216.
    pub max_connections: Option<u64>,
    /// Calls in flight on a connection; more are refused, and callers may send them elsewhere.
    /// 1 to 2^31 - 1.
    pub max_streams: Option<u64>,
    /// TLS handshakes at a time; more wait. 1 to 65,536.
    pub max_handshakes: Option<u64>,
    /// Time for the TLS handshake, the HTTP/2 preface and every header block; at least 100 ms.
    #[serde(with = "rzero_config::duration::option")]
    pub handshake_timeout: Option<Duration>,
    /// Age at which a connection is asked to leave, give or take 10 %; at least 1 s.
    pub max_connection_age: Option<OrNever>,
    /// Time that calls have to finish on a connection that is too old.
    #[serde(with = "rzero_config::duration::option")]
    pub max_connection_age_grace: Option<Duration>,
    /// Time without a call after which a connection is asked to leave; at least 1 s.
    pub idle_timeout: Option<OrNever>,
    /// Time without a byte after which a peer is asked for a sign of life; at least 1 s.
    pub keepalive: Option<OrNever>,
    /// Time that it has to give one; at least 100 ms.
    #[serde(with = "rzero_config::duration::option")]
    pub keepalive_timeout: Option<Duration>,
    /// Bytes of messages of a connection that were received and not consumed; past it the calls
    /// that stalled longest end. 64 KiB to 1 TiB.
    pub receive_buffer: Option<ByteSize>,
    /// The same over all connections; no less than `receive_buffer`.
    pub receive_buffer_total: Option<ByteSize>,
    /// Bytes of answers of a connection that its peer does not take; past it no more of its
    /// calls begin. 64 KiB to 1 TiB.
    pub send_buffer: Option<ByteSize>,
    /// Handlers whose first step takes longer than this on average get a task of their own from
    /// the start; at most 1 s.
    #[serde(with = "rzero_config::duration::option")]
    pub inline_max: Option<Duration>,
    /// The bounds of HTTP/2 itself.
    pub limits: LimitsConfig,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: None,
            advertise: None,
            timeout: Duration::from_secs(2),
            tls: None,
            reflection: None,
            max_message: None,
            max_send_message: None,
            compression: None,
            max_connections: None,
            max_streams: None,
            max_handshakes: None,
            handshake_timeout: None,
            max_connection_age: None,
            max_connection_age_grace: None,
            idle_timeout: None,
            keepalive: None,
            keepalive_timeout: None,
            receive_buffer: None,
            receive_buffer_total: None,
            send_buffer: None,
            inline_max: None,
            limits: LimitsConfig::default(),
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

/// Which answers a server compresses, for callers that take it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum CompressionConfig {
    /// None.
    Never,
    /// Those to requests that were compressed themselves.
    LikeRequest,
    /// All, with gzip.
    Gzip,
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
