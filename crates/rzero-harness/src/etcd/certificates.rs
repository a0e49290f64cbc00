//! Certificates for servers and clients of a test.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::Path;

use crate::error::HarnessError;
use crate::process::hand_over;

/// A certificate authority's certificate with one server and one client certificate, all PEM.
#[derive(Clone)]
pub struct Certificates {
    /// Certificate of the authority that signed the other two.
    pub authority: String,
    /// Certificate of the server, valid for `localhost` and 127.0.0.1.
    pub server: String,
    /// Private key of the server.
    pub server_key: String,
    /// Certificate of the client.
    pub client: String,
    /// Private key of the client.
    pub client_key: String,
}

impl Certificates {
    /// Writes what the server needs, and returns the arguments that name the files.
    pub(super) fn write_server(&self, folder: &Path) -> Result<Vec<OsString>, HarnessError> {
        let arguments = write(
            folder,
            [
                ("--trusted-ca-file", "authority.pem", &self.authority),
                ("--cert-file", "server.pem", &self.server),
                ("--key-file", "server.key", &self.server_key),
            ],
        )?;
        Ok(arguments
            .into_iter()
            .chain(["--client-cert-auth".into()])
            .collect())
    }

    /// Writes what the command line client needs, and returns the arguments that name the files.
    pub(super) fn write_client(&self, folder: &Path) -> Result<Vec<OsString>, HarnessError> {
        write(
            folder,
            [
                ("--cacert", "authority.pem", &self.authority),
                ("--cert", "client.pem", &self.client),
                ("--key", "client.key", &self.client_key),
            ],
        )
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

fn write(folder: &Path, files: [(&str, &str, &String); 3]) -> Result<Vec<OsString>, HarnessError> {
    let mut arguments: Vec<OsString> = Vec::new();
    for (flag, name, pem) in files {
        let path = folder.join(name);
        fs::write(&path, pem).map_err(HarnessError::path("write the certificate", &path))?;
        hand_over(&path)?;
        arguments.extend([flag.into(), path.into_os_string()]);
    }
    Ok(arguments)
}

#[cfg(feature = "tls")]
mod generate {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
        KeyPair, KeyUsagePurpose,
    };

    use super::Certificates;
    use crate::error::HarnessError;

    impl Certificates {
        /// Makes a fresh authority and one certificate for either side. `client_name` becomes
        /// the common name of the client's, which etcd takes for the user when authentication
        /// is on.
        ///
        /// # Errors
        ///
        /// When the certificate library refuses.
        pub fn generate(client_name: &str) -> Result<Self, HarnessError> {
            make(client_name).map_err(|error| HarnessError::Certificate {
                reason: error.to_string(),
            })
        }
    }

    fn make(client_name: &str) -> Result<Certificates, rcgen::Error> {
        let mut authority = named("rzero test authority", Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut server = named("etcd", vec!["localhost".into(), "127.0.0.1".into()])?;
        // Both purposes: etcd's HTTP gateway is a client of its own server.
        server.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let server_key = KeyPair::generate()?;
        let server_pem = server.signed_by(&server_key, &issuer)?.pem();

        let mut client = named(client_name, Vec::new())?;
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate()?;
        let client_pem = client.signed_by(&client_key, &issuer)?.pem();
        Ok(Certificates {
            authority: authority_pem,
            server: server_pem,
            server_key: server_key.serialize_pem(),
            client: client_pem,
            client_key: client_key.serialize_pem(),
        })
    }

    fn named(name: &str, hosts: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(params)
    }
}
