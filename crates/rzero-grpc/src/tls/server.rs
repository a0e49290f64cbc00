//! TLS of a server.

use std::path::{Path, PathBuf};

use rzero_core::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::explain::failed;
use super::identity::identity;
use super::pem::{certificates, private_key, roots, unusable};
use super::reloading::Reloading;
use super::{ALPN, crypto};

/// How a server speaks TLS.
///
/// It follows its files: new handshakes use what they hold, connections that exist go on. A change
/// is noticed at once, or within 10 s where the file system sends no events. Files that cannot be
/// used are logged once, with the reason, and the last good ones stay in use. Clones share all of
/// it; a thread that follows the files ends with the last one.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Reloading<ServerConfig>,
}

impl ServerTls {
    /// Reads a certificate chain and its key from PEM files; with `client_ca` clients must show a
    /// certificate that it signed.
    ///
    /// # Errors
    /// Names the file that cannot be read or used.
    pub fn from_files(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Result<Self, Error> {
        let files = Files {
            cert: cert.to_owned(),
            key: key.to_owned(),
            client_ca: client_ca.map(Path::to_owned),
        };
        let paths = [cert, key].into_iter().chain(client_ca);
        let paths: Vec<PathBuf> = paths.map(Path::to_owned).collect();
        let config = Reloading::new(paths, move || files.config())?;
        Ok(Self { config })
    }

    /// Reads the files again now, without waiting until a change is noticed.
    ///
    /// # Errors
    /// Names the file that cannot be read or used; what was in use stays.
    pub fn reload(&self) -> Result<(), Error> {
        self.config.reload()
    }

    /// Does a handshake; gives who the client says it is, when it showed a certificate.
    pub(crate) async fn accept<IO>(&self, io: IO) -> Result<(TlsStream<IO>, Option<String>), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.config.load());
        let stream = acceptor.accept(io).await.map_err(failed)?;
        let shown = stream.get_ref().1.peer_certificates();
        let identity = shown.and_then(<[_]>::first).and_then(identity);
        Ok((stream.into(), identity))
    }

    /// Waits until a change of the files is in use.
    #[cfg(test)]
    pub(super) async fn changed(&mut self) {
        self.config.changed().await;
    }
}

struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Files {
    fn config(&self) -> Result<ServerConfig, Error> {
        let Self {
            cert,
            key,
            client_ca,
        } = self;
        let config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(cert, "certificate", e))?;
        let config = match client_ca {
            None => config.with_no_client_auth(),
            Some(ca) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots(ca)?, crypto()).build();
                let verifier = verifier.map_err(|e| unusable(ca, "client CA", e))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let mut config = config
            .with_single_cert(certificates(cert)?, private_key(key)?)
            .map_err(|e| unusable(cert, "certificate", e))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}
