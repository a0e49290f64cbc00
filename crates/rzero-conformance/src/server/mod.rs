//! The server under test.

mod service;

use std::sync::Arc;
use std::time::Duration;

use rzero::parts::core::{Address, Wire};
use rzero::parts::grpc::{GrpcWire, ServerOptions, ServerTls};
use rzero::parts::server::{App, DrainConfig, Mode, RpcConfig, ServerConfig, ServiceConfig};
use rzero::{AppHandle, Drained, Error, Result};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

pub use service::Conformance;

use crate::api::connectrpc::conformance::v1::{
    ConformanceServiceServer, ServerCompatRequest, ServerCompatResponse, TlsCreds,
};
use crate::delimited;

/// Where every server listens; the runner's clients are on this host.
const HOST: &str = "127.0.0.1";

/// Reads what is wanted from `input`, serves it, tells `output` where, and stays until SIGTERM.
///
/// # Errors
/// When the request is missing or unreadable, when its credentials cannot be used, or when the
/// server cannot start.
pub async fn run(
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<Drained> {
    let request = delimited::read(&mut input)
        .await?
        .ok_or_else(|| Error::invalid_input("no ServerCompatRequest on stdin"))?;
    let server = Server::start(&request).await?;
    delimited::write(&mut output, server.response()).await?;
    server.ended().await
}

/// A running server. Dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
    response: ServerCompatResponse,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
    /// Certificates and keys, as files.
    _files: Option<TempDir>,
}

impl Server {
    /// Starts the server that `request` describes, on a free port of the loopback interface.
    ///
    /// # Errors
    /// When its credentials are missing or cannot be used, or when the server cannot start.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(request: &ServerCompatRequest) -> Result<Self> {
        let mut wire = GrpcWire::new(Address::tcp(HOST, 0)).with_options(options(request)?);
        let mut files = None;
        let mut response = ServerCompatResponse {
            host: HOST.to_owned(),
            ..ServerCompatResponse::default()
        };
        if request.use_tls {
            let missing = || Error::invalid_input("use_tls without server_creds");
            let creds = request.server_creds.as_ref().ok_or_else(missing)?;
            let folder = tempfile::tempdir()?;
            wire = wire.with_tls(tls(creds, &request.client_tls_cert, &folder)?);
            response.pem_cert = creds.cert.clone();
            files = Some(folder);
        }
        let wire: Arc<dyn Wire> = Arc::new(wire);
        let protocol = wire.protocol();
        let app = App::new(service_config(), server_config())?
            .wire(wire)
            .serve(ConformanceServiceServer::new(Conformance));
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let Some(Address::Tcp { port, .. }) = handle.address(protocol).await else {
            task.await??;
            return Err(Error::internal("the server ended before it was ready"));
        };
        response.port = port.into();
        Ok(Self {
            response,
            handle,
            task,
            _files: files,
        })
    }

    /// Where it listens, and the certificate to trust.
    #[must_use]
    pub fn response(&self) -> &ServerCompatResponse {
        &self.response
    }

    /// Waits until it was asked to leave and has left.
    ///
    /// # Errors
    /// When it failed.
    ///
    /// # Cancel safety
    /// Dropping the future ends the server at once.
    pub async fn ended(mut self) -> Result<Drained> {
        (&mut self.task).await?
    }

    /// Asks it to leave and waits until it has left.
    ///
    /// # Errors
    /// When it failed.
    ///
    /// # Cancel safety
    /// Dropping the future ends the server at once.
    pub async fn stop(self) -> Result<Drained> {
        self.handle.shutdown();
        self.ended().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The defaults, but for the longest message.
fn options(request: &ServerCompatRequest) -> Result<ServerOptions> {
    let mut options = ServerOptions::default();
    if request.message_receive_limit > 0 {
        options.receive_bytes_max = usize::try_from(request.message_receive_limit)?;
    }
    Ok(options)
}

/// The suite's credentials, which the wire reads from files.
fn tls(creds: &TlsCreds, client_cert: &[u8], folder: &TempDir) -> Result<ServerTls> {
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, &creds.cert)?;
    std::fs::write(&key, &creds.key)?;
    if client_cert.is_empty() {
        return ServerTls::from_files(&cert, &key, None);
    }
    let client = folder.path().join("client.pem");
    std::fs::write(&client, client_cert)?;
    ServerTls::from_files(&cert, &key, Some(&client))
}

fn service_config() -> ServiceConfig {
    ServiceConfig {
        name: "conformance".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        zone: None,
        lane: String::new(),
        mode: Mode::Test,
    }
}

fn server_config() -> ServerConfig {
    ServerConfig {
        rpc: RpcConfig {
            // A call has the deadline that its caller gave, which is echoed, or none.
            timeout: Duration::MAX,
            ..RpcConfig::default()
        },
        // The runner waits five seconds for a server to leave.
        drain: DrainConfig {
            in_flight: Duration::from_secs(1),
            back_ends: Duration::from_secs(1),
            ..DrainConfig::default()
        },
        ..ServerConfig::default()
    }
}
