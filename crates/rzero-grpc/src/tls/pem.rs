//! Certificates and keys from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rzero_core::Error;
use tokio_rustls::rustls::RootCertStore;

/// The authorities in a file.
pub(super) fn roots(file: &Path) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|e| unusable(file, "CA", e))?;
    }
    Ok(Arc::new(roots))
}

/// The certificates in a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
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

/// The first private key in a file.
pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| unusable(file, "private key", e))
}

pub(super) fn unusable(
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
