//! An authority and a server's certificate for tests with TLS.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rzero::{Error, Result};

/// The name in the server's certificate, beside the address 127.0.0.1.
pub const SERVER_NAME: &str = "localhost";

/// PEM files in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// The authority, which clients trust.
    pub ca: PathBuf,
    /// The server's certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificates {
    /// The files of `folder`, made when the folder does not exist: server and clients of one test
    /// name the same folder, whichever comes first.
    ///
    /// # Errors
    /// When they cannot be made or written; the message names the folder.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        if !folder.exists() {
            make(folder).map_err(|error| {
                let text = format!(
                    "{}: cannot make test certificates: {error}",
                    folder.display()
                );
                Error::invalid_input(text)
            })?;
        }
        Ok(Self {
            ca: folder.join("ca.pem"),
            cert: folder.join("server.pem"),
            key: folder.join("server.key"),
        })
    }
}

/// Writes the files beside the folder and moves them there at once, so that nobody reads half of
/// them.
fn make(folder: &Path) -> io::Result<()> {
    let unique = format!("{}.new", std::process::id());
    let new = folder.with_added_extension(unique);
    fs::create_dir_all(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o700))?;
    write(&new)?;
    match fs::rename(&new, folder) {
        // Somebody else was quicker; theirs are as good.
        Err(_) if folder.join("ca.pem").exists() => fs::remove_dir_all(&new),
        outcome => outcome,
    }
}

fn write(folder: &Path) -> io::Result<()> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
    let names = vec![SERVER_NAME.to_owned(), "127.0.0.1".to_owned()];
    let params = CertificateParams::new(names).map_err(io::Error::other)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let cert = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
    fs::write(folder.join("ca.pem"), issuer.pem())?;
    fs::write(folder.join("server.pem"), cert.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::Certificates;

    #[test]
    fn files_are_made_once() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("tls");
        let made = Certificates::in_folder(&folder).unwrap();
        let cert = std::fs::read(&made.cert).unwrap();
        assert_eq!(Certificates::in_folder(&folder).unwrap(), made);
        assert_eq!(std::fs::read(&made.cert).unwrap(), cert);
        // Nothing is left beside the folder.
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
