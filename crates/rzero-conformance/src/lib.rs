//! The server and the client that the Connect conformance suite puts to the test.
//!
//! The suite's runner starts the program `rz-conformance` and talks to it over stdin and stdout in
//! [`delimited`] messages. As a [`server`] it reads one `ServerCompatRequest`, serves
//! `ConformanceService` with the whole server chain, tells its address and stays until it is asked
//! to leave. As a [`client`] it reads `ClientCompatRequest`s to the end of its input, makes each
//! call with the whole client chain and tells what came of it.
//!
//! What this crate does not do: it judges nothing. The runner compares what it is told with what
//! the suite expects.
#![forbid(unsafe_code)]

/// Messages, traits, servers and clients of the suite's contract. Made by `rzctl gen`.
#[path = "gen/mod.rs"]
pub mod api;
pub mod client;
mod convert;
pub mod delimited;
pub mod server;
