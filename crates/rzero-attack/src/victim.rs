//! The server, put together as any service is.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rzero::parts::core::Address;
use rzero::parts::grpc::{GrpcWire, ServerOptions, ServerTls};
use rzero::parts::server::{App, DrainConfig, Mode, ServerConfig, ServiceConfig};
use rzero::policy::Policies;
use rzero::{AppHandle, Cx, Receiver, Sender};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{
    ChatReply, ChatRequest, CountReply, CountRequest, Echo, EchoServer, SayReply, SayRequest,
    SumReply, SumRequest,
};
use tokio::sync::watch;

use crate::Result;

/// What a text begins with that asks for an answer of a size.
const ASKING: &str = "bytes ";

/// The largest answer that may be asked for.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A text that asks for an answer of `bytes`.
#[must_use]
pub fn ask_for(bytes: usize) -> String {
    format!("{ASKING}{bytes}")
}

/// The echo service, which also gives large answers to small requests.
#[derive(Debug)]
pub struct Logic(EchoLogic);

impl Logic {
    /// Calls that are being handled.
    #[must_use]
    pub fn in_flight(&self) -> i64 {
        self.0.in_flight()
    }
}

impl Echo for Logic {
    async fn say(&self, cx: &Cx, req: SayRequest) -> rzero::Result<SayReply> {
        let asked = req
            .text
            .strip_prefix(ASKING)
            .and_then(|text| text.parse::<usize>().ok());
        let mut reply = self.0.say(cx, req).await?;
        if let Some(bytes) = asked {
            reply.payload = vec![b'x'; bytes.min(ANSWER_BYTES_MAX)].into();
        }
        Ok(reply)
    }

    async fn count(&self, cx: &Cx, req: CountRequest, tx: Sender<CountReply>) -> rzero::Result<()> {
        self.0.count(cx, req, tx).await
    }

    async fn sum(&self, cx: &Cx, rx: Receiver<SumRequest>) -> rzero::Result<SumReply> {
        self.0.sum(cx, rx).await
    }

    async fn chat(
        &self,
        cx: &Cx,
        rx: Receiver<ChatRequest>,
        tx: Sender<ChatReply>,
    ) -> rzero::Result<()> {
        self.0.chat(cx, rx, tx).await
    }
}

/// Where a server's certificate lies in its folder.
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";
const AUTHORITY: &str = "ca.pem";

/// The authority that signed the certificate of a server whose folder this is.
#[must_use]
pub fn authority(folder: &Path) -> PathBuf {
    folder.join(AUTHORITY)
}

/// How a victim differs from any other server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Its `handshake_timeout`; `None` is the default.
    pub handshake_timeout: Option<Duration>,
    /// Its `keepalive_interval` and `keepalive_timeout`; `None` is the default.
    pub keepalive: Option<Duration>,
}

impl Options {
    fn wire(&self) -> ServerOptions {
        let mut options = ServerOptions::default();
        if let Some(timeout) = self.handshake_timeout {
            options.handshake_timeout = timeout;
        }
        if let Some(interval) = self.keepalive {
            options.keepalive_interval = Some(interval);
            options.keepalive_timeout = interval;
        }
        options
    }
}

fn certify(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    fs::write(authority(folder), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    fs::write(
        folder.join(CERTIFICATE),
        params.signed_by(&key, &issuer)?.pem(),
    )?;
    fs::write(folder.join(KEY), key.serialize_pem())?;
    Ok(())
}

/// A server that is ready to run, with its logic; its certificate is written into `folder`.
///
/// # Errors
/// When the folder cannot be written to.
pub fn assemble(folder: &Path, options: &Options) -> Result<(App, Arc<Logic>)> {
    let mut wire = GrpcWire::new(Address::tcp("127.0.0.1", 0)).with_options(options.wire());
    if options.tls {
        certify(folder)?;
        let (cert, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        wire = wire.with_tls(ServerTls::from_files(&cert, &key, None)?);
    }
    let service = ServiceConfig {
        name: "victim".to_owned(),
        version: "0.0.0".to_owned(),
        zone: None,
        lane: String::new(),
        mode: Mode::Test,
    };
    let server = ServerConfig {
        drain: DrainConfig {
            wait: Some(Duration::ZERO),
            ..DrainConfig::default()
        },
        ..ServerConfig::default()
    };
    let logic = Arc::new(Logic(EchoLogic::new("victim")));
    // Shedding would answer for whatever else runs on the machine: the wire is what is attacked.
    let policies = Policies::from_toml("[policy]\noff = [\"shed\"]")?;
    let app = App::new(service, server)?
        .wire(Arc::new(wire))
        .policies(watch::channel(policies).1);
    let app = app.serve(EchoServer::from_arc(Arc::clone(&logic)));
    Ok((app, logic))
}

/// The address of a running server.
///
/// # Errors
/// When it ended before it was ready.
pub async fn address(handle: &AppHandle) -> Result<SocketAddr> {
    let address = handle.address("grpc").await;
    let address = address.ok_or("the server ended before it was ready")?;
    Ok(address.to_string().parse()?)
}
