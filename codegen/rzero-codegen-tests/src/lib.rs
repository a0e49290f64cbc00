//! Generated code, compiled and called.
//!
//! [`api`] and [`logic`] are what a service scaffolded from the contracts in
//! `rzero-codegen/tests/fixtures/torture` gets: every awkward name, shape and comment the
//! generator must get through. They are checked in, so a change of the generator shows in review;
//! a test says when they are stale and how to renew them.

#[path = "gen/mod.rs"]
pub mod api;
pub mod config;
pub mod logic;

pub use config::Config;
pub use logic::Logic;
