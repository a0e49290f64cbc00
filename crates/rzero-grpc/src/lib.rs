//! The gRPC wire: turns HTTP/2 streams into [`Call`](rzero_core::Call)s and back.
//!
//! [`GrpcWire`] serves any [`Dispatch`](rzero_core::Dispatch); [`GrpcDialer`] opens
//! [`Connection`](rzero_core::Connection)s. Both stand on the `h2` crate.
//!
//! What this crate does not do: it knows no registry, no balancer and no policy. Messages are
//! sent uncompressed and compressed ones are refused with a clear error.
#![forbid(unsafe_code)]

mod client;
#[expect(unused_imports, reason = "the shells that use it follow")]
#[cfg_attr(not(test), expect(dead_code, reason = "the shells that use it follow"))]
mod fields;
mod frame;
mod headers;
#[expect(unused_imports, reason = "the shells that use it follow")]
#[cfg_attr(not(test), expect(dead_code, reason = "the shells that use it follow"))]
mod message;
mod send;
mod server;
mod timeout;
mod tls;

pub use client::GrpcDialer;
pub use message::Compression;
pub use server::GrpcWire;
pub use tls::{ClientTls, ServerTls};

/// Largest message that is received, in bytes: 4 MiB, the default of every gRPC implementation.
pub const RECEIVE_BYTES_MAX: usize = 4 << 20;

/// Receive window of a stream, in bytes: what a stream that nobody reads may hold.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// Receive window of a connection: all that HTTP/2 allows, so that streams which nobody reads
/// never stall their neighbours. Memory is bounded by the streams and their own windows.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;
/// What h2 grants to small frames that wait to be read before it ends the connection. One stream
/// of smallest messages fills its window with 11 MiB of such overhead, so flow control comes
/// first, also for a few streams at a time.
const FRAME_BUDGET_BYTES: usize = 64 << 20;
