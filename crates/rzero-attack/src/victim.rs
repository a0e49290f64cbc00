//! The server, put together as any service is.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rzero::{App, AppHandle, Cx, Receiver, Sender};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{
    ChatReply, ChatRequest, CountReply, CountRequest, Echo, EchoServer, SayReply, SayRequest,
    SumReply, SumRequest,
};
use serde::Deserialize;

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

/// No keys of its own.
#[derive(Debug, Deserialize)]
struct Config {}

/// Where a server's certificate lies in its folder.
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";
const AUTHORITY: &str = "ca.pem";

/// The authority that signed the certificate of a server whose folder this is.
#[must_use]
pub fn authority(folder: &Path) -> PathBuf {
    folder.join(AUTHORITY)
}

/// Writes the configuration of a server into `folder`, and its certificate with `tls`; `more` are
/// lines such as `server.rpc.timeout = "1s"`.
///
/// # Errors
/// When the folder cannot be written to.
pub fn configure(folder: &Path, tls: bool, more: &[String]) -> Result<PathBuf> {
    let quoted = |path: PathBuf| format!("{:?}", path.display().to_string());
    let mut text = format!(
        "service.name = \"victim\"\nregistry.kind = \"local\"\nregistry.dir = {}\n\
         server.rpc.listen = \"127.0.0.1:0\"\n",
        quoted(folder.join("registry"))
    );
    if tls {
        certify(folder)?;
        text.push_str(&format!(
            "server.rpc.tls.cert = {}\nserver.rpc.tls.key = {}\n",
            quoted(folder.join(CERTIFICATE)),
            quoted(folder.join(KEY))
        ));
    }
    for line in more {
        text.push_str(line);
        text.push('\n');
    }
    let path = folder.join("victim.toml");
    fs::write(&path, text)?;
    Ok(path)
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

/// A server that is ready to run, with its logic.
///
/// # Errors
/// When the configuration is wrong.
pub fn assemble(config: &Path) -> rzero::Result<(App, Arc<Logic>)> {
    let settings = rzero::config::load::<Config>(config)?;
    let logic = Arc::new(Logic(EchoLogic::new("victim")));
    let app = App::new(&settings)?.serve(EchoServer::from_arc(Arc::clone(&logic)));
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
