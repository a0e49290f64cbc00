//! The gRPC wire: turns HTTP/2 streams into [`Call`](rzero_core::Call)s and back.
//!
//! [`GrpcWire`] serves any [`Dispatch`](rzero_core::Dispatch); [`GrpcDialer`] opens
//! [`Connection`](rzero_core::Connection)s. Both stand on the `h2` crate.
//!
//! What this crate does not do: it knows no registry, no balancer and no policy. Messages are
//! sent uncompressed and compressed ones are refused with a clear error.
#![forbid(unsafe_code)]

mod client;
mod frame;
mod headers;
mod send;
mod server;
mod timeout;
mod tls;

pub use client::GrpcDialer;
pub use server::GrpcWire;
pub use tls::{ClientTls, ServerTls};

/// Largest message that is received, in bytes: 4 MiB, the default of every gRPC implementation.
pub const RECEIVE_BYTES_MAX: usize = 4 << 20;
