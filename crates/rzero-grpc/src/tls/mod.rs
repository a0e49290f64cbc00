//! TLS by rustls: certificates from PEM files, ALPN `h2`.
//!
//! The files are followed: when their content changes, new handshakes use what they hold then.
//! Connections that exist go on with what they were opened with. A new content that cannot be used
//! changes nothing and is logged once, with the reason.
//!
//! A peer that takes no part in ALPN is tolerated; one that insists on another protocol is not.

mod client;
mod explain;
mod identity;
mod pem;
mod reloading;
mod server;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

pub use client::ClientTls;
pub use server::ServerTls;

const ALPN: &[u8] = b"h2";

/// The program's choice of cryptography, else ring.
fn crypto() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(ring::default_provider()))
}
