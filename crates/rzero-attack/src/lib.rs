//! Attacks on an HTTP/2 server, and what is needed to judge how it bears them.
//!
//! Every server on the internet is sent bytes that are meant to hurt it. This crate sends them on
//! purpose. The one idea: an attack is a **script**, a function from what the server has said to
//! the next bytes. The same script is
//!
//! - fed to a [`Connection`](rzero_http2::connection::Connection) without a socket, in tests,
//! - sent to a server in the same process, in tests,
//! - sent from a process of its own, held to half a core, while a neighbour measures what its calls
//!   take: `cargo xtask attack`.
//!
//! | module | what lives there |
//! |---|---|
//! | [`attack`] | the table of attacks, and their scripts |
//! | [`craft`] | bytes: frames, header blocks, messages |
//! | [`seen`] | what the server has said |
//! | [`connection`], [`driver`] | one connection, and many for a while |
//! | [`throttle`] | half a core and no more |
//! | [`harmless`] | well-formed calls in the same amount, to compare with |
//! | [`neighbour`] | calls at a steady rate that should notice nothing |
//! | [`victim`] | the server, put together as any service is |
//!
//! What this crate does not do: it judges no figures (`cargo xtask attack` does) and aims at
//! nothing but loopback.
#![forbid(unsafe_code)]

pub mod attack;
pub mod connection;
pub mod craft;
pub mod driver;
pub mod harmless;
pub mod neighbour;
pub mod seen;
pub mod throttle;
pub mod victim;

/// The outcome of what may fail here: a text for whoever started it, with its causes.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
