//! The service `greeter`: the contract in `proto/`, the code made from it in [`api`], and what
//! it does in [`logic`].

/// Messages, traits, servers and clients of the contract. Made by `rzctl gen`; do not edit.
#[path = "gen/mod.rs"]
pub mod api;
pub mod config;
pub mod logic;

pub use config::Config;
pub use logic::Logic;
