//! Governance as data: one `[policy]` table says how every method is served and called.
//!
//! ```toml
//! [policy]                              # every method, both sides
//! breaker.k = 2.0
//! retry.attempts = 3
//!
//! [[policy.rule]]                       # later rules win, value by value
//! match.method = "shop.v1.Orders/*"
//! match.side = "server"
//! timeout = "300ms"
//! concurrency.max = 100
//! off = ["shed"]
//! ```
//!
//! [`Policies`] is such a table, read and checked. Values merge in this order: built-in defaults,
//! `[policy]`, each rule that matches. Every value keeps the place where it is written, so
//! mistakes are reported with file, line and key, and [`Policies::explain`] tells where each
//! effective value comes from.
//!
//! ```
//! use rzero_policy::{Policies, Scope, Side};
//!
//! let policies = Policies::from_toml(r#"
//!     [policy]
//!     retry.attempts = 2
//!     [[policy.rule]]
//!     match.method = "shop.Orders/Get*"
//!     match.target = "stock"
//!     retry.attempts = 5
//! "#)?;
//! let retries = |target, path| {
//!     let method = policies.method(Side::Client, Scope::Target(target), path);
//!     method.retry.max_retries
//! };
//! assert_eq!(retries("stock", "/shop.Orders/GetOne"), 4);
//! assert_eq!(retries("stock", "/shop.Orders/Put"), 1);
//! assert_eq!(retries("users", "/shop.Orders/GetOne"), 1);
//! # Ok::<(), rzero_config::Error>(())
//! ```
//!
//! Resolving looks at texts and allocates: do it once for each method when the policies change,
//! never for a call.
//!
//! What this crate does not do: it decides nothing about calls (`rzero-resilience` and
//! `rzero-balance` do), reads no files and watches none.
#![forbid(unsafe_code)]

mod change;
mod client;
mod explain;
mod glob;
mod keys;
mod method;
mod off;
mod policies;
mod read;
mod rule;
mod server;

pub use change::Change;
pub use client::{ClientPolicy, ZonePolicy};
pub use explain::{Setting, Source};
pub use method::{MethodPolicy, OnCancel};
pub use off::{Off, PolicyName};
pub use policies::{CallerClass, Policies, Scope, Side};
pub use server::{ServerPolicy, StoreConfig};

/// How a change of the policies reaches servers and channels.
pub type PolicyWatch = tokio::sync::watch::Receiver<Policies>;
