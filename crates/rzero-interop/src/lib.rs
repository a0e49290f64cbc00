//! `grpc.testing.TestService`, served and called by rzero: what implementations of gRPC test each
//! other with.
//!
//! Whoever speaks gRPC can be put on the other side. `cargo xtask test --peers` does so with
//! grpc-go, in both directions, plaintext and TLS; by hand:
//!
//! ```sh
//! cargo xtask interop server --port 10000                       # any implementation's client
//! cargo xtask interop client --addr 127.0.0.1:10000 --case all  # any implementation's server
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`TestLogic`] | the service |
//! | [`serve`] | puts it on a port, by the facade alone |
//! | [`client`] | the cases, each with what it asserts |
//! | [`certificates`] | an authority and a server's certificate for tests with TLS |
//!
//! The folder `go/` holds the programs of go-zero and grpc-go that other judges use.
//!
//! What this crate does not do: it is no part of the product, and it judges no other
//! implementation; a failed case says that the two sides disagree.
#![forbid(unsafe_code)]

/// Messages, traits, servers and clients of `proto/grpc/testing`. Made by `rzctl gen`.
#[path = "gen/mod.rs"]
pub mod api;
pub mod certificates;
pub mod client;
mod logic;
pub mod serve;
mod settings;

pub use logic::TestLogic;

/// Metadata under this key comes back in the initial metadata.
pub const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
/// Metadata under this key comes back in the trailing metadata.
pub const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";
