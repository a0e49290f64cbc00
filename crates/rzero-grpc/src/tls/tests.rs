//! Handshakes in memory, with certificates that change between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls_pki_types::{CertificateDer, ServerName};
use rzero_core::{Class, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::pem::{certificates, private_key, roots};
use super::{ClientTls, ServerTls, crypto};

const PATIENCE: Duration = Duration::from_secs(30);

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }
}

/// A folder with `ca.pem`, `cert.pem` and `key.pem`.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(authority: &Authority) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.trust(authority);
        folder.issue(authority, None);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn trust(&self, authority: &Authority) {
        std::fs::write(self.path("ca.pem"), authority.0.pem()).unwrap();
    }

    /// Writes a new certificate for `localhost`, and for a URI.
    fn issue(&self, authority: &Authority, uri: Option<&str>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let uri = uri.map(|uri| SanType::URI(uri.try_into().unwrap()));
        params.subject_alt_names.extend(uri);
        let cert = params.signed_by(&key, &authority.0).unwrap();
        std::fs::write(self.path("cert.pem"), cert.pem()).unwrap();
        std::fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
    }

    fn certificate(&self) -> CertificateDer<'static> {
        certificates(&self.path("cert.pem")).unwrap().remove(0)
    }

    fn server(&self, client_ca: Option<&Path>) -> ServerTls {
        ServerTls::from_files(&self.path("cert.pem"), &self.path("key.pem"), client_ca).unwrap()
    }

    fn client(&self, identity: Option<&Folder>) -> ClientTls {
        let identity = identity.map(|folder| (folder.path("cert.pem"), folder.path("key.pem")));
        let identity = identity.as_ref().map(|(c, k)| (c.as_path(), k.as_path()));
        ClientTls::from_files(&self.path("ca.pem"), identity, Some("localhost")).unwrap()
    }
}

type Stream = TlsStream<DuplexStream>;

struct Connected {
    client: Stream,
    server: Stream,
    identity: Option<String>,
}

impl Connected {
    /// The certificate that the server showed.
    fn shown(&self) -> CertificateDer<'static> {
        let (_, tls) = self.client.get_ref();
        tls.peer_certificates().unwrap()[0].clone().into_owned()
    }

    async fn assert_works(&mut self) {
        self.client.write_all(b"ping").await.unwrap();
        self.client.flush().await.unwrap();
        let mut got = [0; 4];
        self.server.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ping");
    }
}

async fn handshake(server: &ServerTls, client: &ClientTls) -> Result<Connected, Error> {
    let (near, far) = duplex(1 << 16);
    let (client, server) = tokio::join!(client.connect("elsewhere", near), server.accept(far));
    let (server, identity) = server?;
    Ok(Connected {
        client: client?,
        server,
        identity,
    })
}

#[tokio::test]
async fn new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    let (server, client) = (folder.server(None), folder.client(None));
    let mut old = handshake(&server, &client).await.unwrap();
    let first = folder.certificate();
    folder.issue(&authority, None);
    server.reload().unwrap();
    let new = handshake(&server, &client).await.unwrap();
    assert_eq!((old.shown(), new.shown()), (first, folder.certificate()));
    assert_ne!(old.shown(), new.shown());
    old.assert_works().await;
}

#[tokio::test]
async fn change_of_the_files_is_noticed() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    let (mut server, client) = (folder.server(None), folder.client(None));
    folder.issue(&authority, None);
    while handshake(&server, &client).await.unwrap().shown() != folder.certificate() {
        timeout(PATIENCE, server.changed()).await.unwrap();
    }
}

#[tokio::test]
async fn broken_files_keep_what_works() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    let (server, client) = (folder.server(None), folder.client(None));
    let first = folder.certificate();
    std::fs::write(folder.path("cert.pem"), "garbage").unwrap();
    let error = server.reload().unwrap_err();
    assert!(error.message().contains("cert.pem"), "{error}");
    std::fs::write(folder.path("ca.pem"), "garbage").unwrap();
    let error = client.reload().unwrap_err();
    assert!(error.message().contains("ca.pem"), "{error}");
    let shown = handshake(&server, &client).await.unwrap().shown();
    assert_eq!(shown, first);
}

#[tokio::test]
async fn certificate_without_its_key_keeps_what_works() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    let server = folder.server(None);
    let key = std::fs::read(folder.path("key.pem")).unwrap();
    folder.issue(&authority, None);
    std::fs::write(folder.path("key.pem"), key).unwrap();
    assert!(server.reload().is_err());
    assert!(handshake(&server, &folder.client(None)).await.is_ok());
}

#[tokio::test]
async fn new_client_authority_counts_for_new_handshakes() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (folder, stranger) = (Folder::new(&ours), Folder::new(&theirs));
    let server = folder.server(Some(&folder.path("ca.pem")));
    let (own, foreign) = (folder.client(Some(&folder)), folder.client(Some(&stranger)));
    let mut old = handshake(&server, &own).await.unwrap();
    assert!(handshake(&server, &foreign).await.is_err());
    folder.trust(&theirs);
    server.reload().unwrap();
    // A session that the client could resume does not let it in either.
    assert!(handshake(&server, &own).await.is_err());
    assert!(handshake(&server, &foreign).await.is_ok());
    old.assert_works().await;
}

#[tokio::test]
async fn client_shows_and_trusts_what_its_files_hold_now() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (folder, caller) = (Folder::new(&ours), Folder::new(&ours));
    let server = folder.server(Some(&folder.path("ca.pem")));
    let client = caller.client(Some(&caller));
    let mut old = handshake(&server, &client).await.unwrap();
    assert_eq!(old.identity.as_deref(), Some("localhost"));
    caller.issue(&ours, Some("spiffe://shop/orders"));
    client.reload().unwrap();
    let new = handshake(&server, &client).await.unwrap();
    assert_eq!(new.identity.as_deref(), Some("spiffe://shop/orders"));
    caller.trust(&theirs);
    client.reload().unwrap();
    let error = handshake(&server, &client).await.err().unwrap();
    assert_eq!(error.class(), Class::ConnectFailed);
    old.assert_works().await;
}

#[tokio::test]
async fn client_without_a_certificate_is_told_why() {
    let folder = Folder::new(&Authority::new());
    let server = folder.server(Some(&folder.path("ca.pem")));
    let error = handshake(&server, &folder.client(None))
        .await
        .err()
        .unwrap();
    assert!(error.message().contains("showed no certificate"), "{error}");
    assert_eq!(
        handshake(&folder.server(None), &folder.client(None))
            .await
            .unwrap()
            .identity,
        None
    );
}

#[tokio::test]
async fn name_of_the_certificate_counts() {
    let folder = Folder::new(&Authority::new());
    let by_host = ClientTls::from_files(&folder.path("ca.pem"), None, None).unwrap();
    let (near, far) = duplex(1 << 16);
    let server = folder.server(None);
    let (client, _) = tokio::join!(by_host.connect("elsewhere", near), server.accept(far));
    let error = client.unwrap_err();
    assert!(error.message().contains("set tls.server_name"), "{error}");
    let (near, _far) = duplex(1 << 16);
    let error = by_host.connect("not a name", near).await.unwrap_err();
    assert!(error.message().contains("`not a name`"), "{error}");
}

#[tokio::test]
async fn plaintext_peer_is_told_apart() {
    let folder = Folder::new(&Authority::new());
    let (mut near, far) = duplex(1 << 16);
    near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let error = folder.server(None).accept(far).await.unwrap_err();
    assert!(error.message().contains("does not speak TLS"), "{error}");
}

fn foreign_client(folder: &Folder, protocols: &[&str]) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(&folder.path("ca.pem")).unwrap())
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn foreign_server(folder: &Folder, protocols: &[&str]) -> TlsAcceptor {
    let key = private_key(&folder.path("key.pem")).unwrap();
    let mut config = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![folder.certificate()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn peers_of_other_protocols_are_refused_and_those_without_alpn_are_not() {
    let folder = Folder::new(&Authority::new());
    let (ours, us) = (folder.server(None), folder.client(None));
    for (protocols, works) in [
        (&["http/1.1"][..], false),
        (&["http/1.1", "h2"], true),
        (&[], true),
    ] {
        let (near, far) = duplex(1 << 16);
        let name = ServerName::try_from("localhost").unwrap();
        let client = foreign_client(&folder, protocols);
        let (_, served) = tokio::join!(client.connect(name, near), ours.accept(far));
        let (near, far) = duplex(1 << 16);
        let server = foreign_server(&folder, protocols);
        let (connected, _) = tokio::join!(us.connect("localhost", near), server.accept(far));
        for error in [served.err(), connected.err()] {
            assert_eq!(error.is_none(), works, "{protocols:?} {error:?}");
            assert!(error.is_none_or(|e| e.message().contains("not `h2`")));
        }
    }
}
