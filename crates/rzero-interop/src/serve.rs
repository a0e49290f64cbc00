//! Puts the test service on a port, by the facade alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rzero::parts::server::{RpcConfig, ServerConfig, TlsConfig};
use rzero::{App, Result};

use crate::TestLogic;
use crate::api::grpc::testing::TestServiceServer;
use crate::settings::settings;

/// How long a unary call may take whose caller gave no time: long, because a debug build on a
/// busy machine is on trial for what it does and not for how fast.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where and how to serve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Certificate chain and private key, PEM; without them plaintext is served.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// An application that serves `grpc.testing.TestService`, health and reflection with every default
/// of the facade, and does not run yet.
///
/// # Errors
/// When the certificate or key cannot be used.
pub fn app(options: &Options, logic: Arc<TestLogic>) -> Result<App> {
    let tls = options.tls.clone().map(|(cert, key)| TlsConfig {
        cert,
        key,
        client_ca: None,
    });
    let server = ServerConfig {
        rpc: RpcConfig {
            listen: Some(format!("127.0.0.1:{}", options.port)),
            timeout: TIMEOUT,
            tls,
            ..RpcConfig::default()
        },
        ..ServerConfig::default()
    };
    let app = App::new(&settings(server, BTreeMap::new(), BTreeMap::new()))?;
    Ok(app.serve(TestServiceServer::from_arc(logic)))
}
