//! Test kit: the in-memory wire and services in process.
//!
//! [`serve`] runs a service with the whole server chain and gives a channel with the whole client
//! chain, without a socket between them. [`MemoryNet`] is the wire below: the second
//! implementation of the seams, for tests of whole clusters in one process.
//!
//! [`FailOnce`], [`FailN`], [`Slow`] and [`Hang`] are layers that make trouble in a service; [`Echo`]
//! is a service to put them around.
//!
//! What this crate does not do: nothing here is for production.
#![forbid(unsafe_code)]

mod echo;
mod memory;
mod serve;
mod trouble;

pub use echo::Echo;
pub use memory::{MemoryNet, PROTOCOL};
pub use serve::{TestServer, serve};
pub use trouble::{FailN, FailOnce, Failing, Hang, Hanging, Slow, Slowed};
