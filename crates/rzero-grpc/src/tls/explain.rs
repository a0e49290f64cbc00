//! Why a handshake failed, in words that say what to do.

use std::io;

use rzero_core::{Class, Error};
use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

/// The error of a handshake.
pub(super) fn failed(error: io::Error) -> Error {
    let text = explain(&error);
    Error::new(Class::ConnectFailed, text).with_source(error)
}

fn explain(error: &io::Error) -> String {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let hint = match tls {
        Some(rustls::Error::NoApplicationProtocol) => {
            "the client offers other protocols but not `h2` (ALPN): is it a gRPC client?"
        }
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            "the server speaks other protocols but not `h2` (ALPN): is it a gRPC port?"
        }
        Some(rustls::Error::AlertReceived(AlertDescription::UnknownCA)) => {
            "the peer does not trust the authority of our certificate"
        }
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)) => {
            "the server asks for a client certificate: set tls.cert and tls.key"
        }
        Some(rustls::Error::NoCertificatesPresented) => {
            "the client showed no certificate, and server.rpc.tls.client_ca asks for one"
        }
        Some(rustls::Error::InvalidMessage(_)) => "the peer does not speak TLS",
        Some(rustls::Error::InvalidCertificate(error)) => certificate(error),
        Some(_) => "does the peer speak TLS, and do both sides trust each other's CA?",
        None => "the connection ended meanwhile: does the peer speak TLS and trust our CA?",
    };
    format!("TLS handshake failed ({error}): {hint}")
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer => {
            "none of our CAs signed the peer's certificate: check the CA file"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the peer has to renew its certificate"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the peer's certificate is for another name: set tls.server_name"
        }
        _ => "the peer's certificate cannot be used",
    }
}
