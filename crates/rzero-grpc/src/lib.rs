//! The gRPC wire: turns HTTP/2 streams into [`Call`](rzero_core::Call)s and back.
//!
//! [`GrpcWire`] serves any [`Dispatch`](rzero_core::Dispatch); [`GrpcDialer`] opens
//! [`Connection`](rzero_core::Connection)s. Both are shells around the protocol core in
//! `rzero-http2`: one task per connection reads, feeds the core, runs what became ready and
//! writes. Handlers that answer at once run on that task; one read drains many frames and one
//! write carries many answers.
//!
//! What this crate does not do: it knows no registry, no balancer and no policy.
#![forbid(unsafe_code)]

mod client;
mod engine;
mod fields;
mod message;
mod options;
mod server;
mod timeout;
mod tls;

pub use client::GrpcDialer;
pub use options::{
    AnswerCompression, ClientOptions, Compression, RECEIVE_BYTES_MAX, ServerOptions,
};
pub use server::GrpcWire;
pub use tls::{ClientTls, ServerTls};
