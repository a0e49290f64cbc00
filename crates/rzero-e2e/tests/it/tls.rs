//! TLS, plain and mutual.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rzero::parts::client::{Channel, ClientConfig};
use rzero::parts::core::Address;
use rzero::parts::grpc::{ClientTls, GrpcDialer, GrpcWire, ServerTls};
use rzero::parts::registry::Registry;
use rzero::parts::server::App;
use rzero::{CallInfo, Class, InterceptLayer, Interceptor};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{EchoClient, EchoServer, SayRequest};

use crate::support::{Cluster, Net, name, server_config, service_config};

/// An authority, and a certificate for `localhost` that it signed, as PEM files.
struct Files {
    _dir: tempfile::TempDir,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

fn files() -> Files {
    let dir = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (ca, cert, key) = (
        write("ca.pem", issuer.pem()),
        write("cert.pem", cert.pem()),
        write("key.pem", key.serialize_pem()),
    );
    Files {
        _dir: dir,
        ca,
        cert,
        key,
    }
}

/// Remembers who called.
#[derive(Default)]
struct Callers(Mutex<Vec<Option<String>>>);

impl Interceptor for Callers {
    fn before(&self, call: &mut CallInfo) -> rzero::Result<()> {
        let identity = call.peer().and_then(|peer| peer.identity.clone());
        self.0.lock().unwrap().push(identity);
        Ok(())
    }
}

/// An echo server that speaks TLS, and a channel whose dialer is `dialer`. Gives who it answered.
async fn call(tls: ServerTls, dialer: GrpcDialer) -> rzero::Result<Option<String>> {
    let callers = Arc::new(Callers::default());
    let cluster = Cluster::new(Net::Grpc);
    let logic = Arc::new(EchoLogic::new("tls"));
    let app = App::new(service_config(), server_config())
        .unwrap()
        .layer(InterceptLayer::new(Arc::clone(&callers)))
        .serve(EchoServer::from_arc(Arc::clone(&logic)))
        .wire(Arc::new(
            GrpcWire::new(Address::tcp("127.0.0.1", 0)).with_tls(tls),
        ))
        .registry(Arc::clone(&cluster.registry) as _);
    let server = cluster.run(app, logic).await;
    let config = ClientConfig {
        connect_timeout: Duration::from_secs(5),
        ..Default::default()
    };
    let watch = cluster.registry.watch(&name());
    let channel = Channel::new(name(), watch, "grpc", Arc::new(dialer), &config, None);
    let reply = EchoClient::new(channel).say(SayRequest::default()).await;
    server.leave().await;
    reply.map(|_| callers.0.lock().unwrap().pop().flatten())
}

fn client(files: &Files, identity: Option<(&Path, &Path)>) -> GrpcDialer {
    let tls = ClientTls::from_files(&files.ca, identity, Some("localhost")).unwrap();
    GrpcDialer::new().with_tls(tls)
}

#[tokio::test]
async fn tls_works_and_plaintext_is_refused() {
    let files = files();
    let tls = ServerTls::from_files(&files.cert, &files.key, None).unwrap();
    assert_eq!(call(tls.clone(), client(&files, None)).await.unwrap(), None);
    let error = call(tls, GrpcDialer::new()).await.unwrap_err();
    assert_eq!(error.class(), Class::NoEndpoint);
}

#[tokio::test]
async fn mutual_tls_asks_for_a_certificate_and_tells_whose_it_is() {
    let files = files();
    let tls = ServerTls::from_files(&files.cert, &files.key, Some(&files.ca)).unwrap();
    let identity = Some((files.cert.as_path(), files.key.as_path()));
    let caller = call(tls.clone(), client(&files, identity)).await.unwrap();
    assert_eq!(caller.as_deref(), Some("localhost"));
    assert!(call(tls, client(&files, None)).await.is_err());
}

#[test]
fn unusable_files_are_named() {
    let files = files();
    let error =
        ServerTls::from_files(Path::new("/nowhere/cert.pem"), &files.key, None).unwrap_err();
    assert!(error.message().contains("/nowhere/cert.pem"), "{error}");
    let error = ServerTls::from_files(&files.key, &files.key, None).unwrap_err();
    assert!(error.message().contains("no certificate"), "{error}");
}
