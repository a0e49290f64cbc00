//! TLS by rustls: certificates from PEM files, ALPN `h2`.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rzero_core::Error;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How a server speaks TLS.
#[derive(Clone)]
pub struct ServerTls(pub(crate) TlsAcceptor);

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls")
    }
}

impl ServerTls {
    /// Reads a certificate chain and its key from PEM files; with `client_ca` clients must show a
    /// certificate that it signed.
    ///
    /// # Errors
    /// Names the file that cannot be read or used.
    pub fn from_files(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Result<Self, Error> {
        let config = ServerConfig::builder();
        let config = match client_ca {
            None => config.with_no_client_auth(),
            Some(ca) => {
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots(ca)?)).build();
                let verifier = verifier.map_err(|e| unusable(ca, "client CA", e))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let mut config = config
            .with_single_cert(certificates(cert)?, private_key(key)?)
            .map_err(|e| unusable(cert, "certificate", e))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// How a client speaks TLS.
#[derive(Clone)]
pub struct ClientTls {
    pub(crate) connector: TlsConnector,
    pub(crate) server_name: Option<ServerName<'static>>,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl ClientTls {
    /// Trusts the authorities in `ca`; `identity` is a certificate and key to show; `server_name`
    /// is expected instead of the host that is dialed.
    ///
    /// # Errors
    /// Names the file that cannot be read or used.
    pub fn from_files(
        ca: &Path,
        identity: Option<(&Path, &Path)>,
        server_name: Option<&str>,
    ) -> Result<Self, Error> {
        let verifier = WebPkiServerVerifier::builder(Arc::new(roots(ca)?)).build();
        let verifier = verifier.map_err(|e| unusable(ca, "CA", e))?;
        let config = ClientConfig::builder().with_webpki_verifier(verifier);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some((cert, key)) => config
                .with_client_auth_cert(certificates(cert)?, private_key(key)?)
                .map_err(|e| unusable(cert, "certificate", e))?,
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let server_name = server_name.map(|name| {
            ServerName::try_from(name.to_owned()).map_err(|e| {
                Error::invalid_input(format!("`{name}` is not a server name")).with_source(e)
            })
        });
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self {
            connector,
            server_name: server_name.transpose()?,
        })
    }
}

/// Who a verified certificate says its owner is: its first URI name (as SPIFFE uses), else its
/// first DNS name.
pub(crate) fn identity(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut names = certificate
        .valid_uri_names()
        .chain(certificate.valid_dns_names());
    names.next().map(ToOwned::to_owned)
}

fn roots(file: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|e| unusable(file, "CA", e))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|e| unusable(file, "certificate", e));
    match all {
        Ok(all) if all.is_empty() => Err(Error::invalid_input(format!(
            "{}: no certificate in it: give a PEM file with BEGIN CERTIFICATE",
            file.display()
        ))),
        all => all,
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| unusable(file, "private key", e))
}

fn unusable(
    file: &Path,
    what: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::invalid_input(format!(
        "{}: not usable as {what}: {source}",
        file.display()
    ))
    .with_source(source)
}
