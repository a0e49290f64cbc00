//! Who a peer is.

use rustls_pki_types::CertificateDer;

/// Who a verified certificate says its owner is: its first URI name (as SPIFFE uses), else its
/// first DNS name.
pub(super) fn identity(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut names = certificate
        .valid_uri_names()
        .chain(certificate.valid_dns_names());
    names.next().map(ToOwned::to_owned)
}
