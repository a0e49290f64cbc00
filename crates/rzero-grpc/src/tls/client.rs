//! TLS of a client.

use std::fmt;
use std::path::{Path, PathBuf};

use rustls_pki_types::ServerName;
use rzero_core::{Class, Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::{TlsConnector, TlsStream};

use super::explain::failed;
use super::pem::{certificates, private_key, roots, unusable};
use super::reloading::Reloading;
use super::{ALPN, crypto};

/// How a client speaks TLS.
///
/// It follows its files: new connections use what they hold, those that exist go on. A change is
/// noticed at once, or within 10 s where the file system sends no events. Files that cannot be used
/// are logged once, with the reason, and the last good ones stay in use. Clones share all of it; a
/// thread that follows the files ends with the last one.
#[derive(Clone)]
pub struct ClientTls {
    config: Reloading<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("config", &self.config)
            .field("server_name", &self.server_name)
            .finish()
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
        let server_name = server_name.map(|name| {
            ServerName::try_from(name.to_owned()).map_err(|e| {
                Error::invalid_input(format!("`{name}` is not a server name")).with_source(e)
            })
        });
        let server_name = server_name.transpose()?;
        let own = |(cert, key): (&Path, &Path)| (cert.to_owned(), key.to_owned());
        let files = Files {
            ca: ca.to_owned(),
            identity: identity.map(own),
        };
        let shown = identity.into_iter().flat_map(|(cert, key)| [cert, key]);
        let paths: Vec<PathBuf> = shown.chain([ca]).map(Path::to_owned).collect();
        let config = Reloading::new(paths, move || files.config())?;
        Ok(Self {
            config,
            server_name,
        })
    }

    /// Reads the files again now, without waiting until a change is noticed.
    ///
    /// # Errors
    /// Names the file that cannot be read or used; what was in use stays.
    pub fn reload(&self) -> Result<(), Error> {
        self.config.reload()
    }

    /// Does a handshake with the server that was dialed as `host`.
    pub(crate) async fn connect<IO>(&self, host: &str, io: IO) -> Result<TlsStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|e| {
                let text = format!("`{host}` is no name for TLS: set tls.server_name");
                Error::new(Class::ConnectFailed, text).with_source(e)
            })?,
        };
        let connector = TlsConnector::from(self.config.load());
        let stream = connector.connect(name, io).await.map_err(failed)?;
        Ok(stream.into())
    }
}

struct Files {
    ca: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Files {
    fn config(&self) -> Result<ClientConfig, Error> {
        let Self { ca, identity } = self;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots(ca)?, crypto()).build();
        let verifier = verifier.map_err(|e| unusable(ca, "CA", e))?;
        let config = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(ca, "CA", e))?
            .with_webpki_verifier(verifier);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some((cert, key)) => config
                .with_client_auth_cert(certificates(cert)?, private_key(key)?)
                .map_err(|e| unusable(cert, "certificate", e))?,
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }
}
