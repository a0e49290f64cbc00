//! The echo service that the end-to-end tests serve and call on every wire.
#![forbid(unsafe_code)]

/// Messages, traits, servers and clients of `proto/peers.proto`. Made by `rzctl gen`.
#[path = "gen/mod.rs"]
pub mod api;
mod echo;

pub use echo::EchoLogic;
