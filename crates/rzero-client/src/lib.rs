//! The client side put together: discovery, connections, balanced calls.
//!
//! A [`Channel`] belongs to one target service. A task of its own follows the registry, dials
//! every instance eagerly and off the call path, and publishes an immutable snapshot of the ready
//! ones; a call picks from that snapshot without a lock. It is cheap to clone and connects behind:
//! making one never waits and never fails.
//!
//! What this crate does not do: it knows no wire and no registry by name (both are handed in), and
//! it does not break circuits or hedge; one re-pick and one retry are all it does about failures.
#![forbid(unsafe_code)]

mod backoff;
mod call;
mod channel;
mod cluster;
mod config;
mod flight;
mod node;
mod options;
pub mod rt;
mod shared;
mod snapshot;
mod stream;

pub use channel::Channel;
pub use config::{ClientCompressionConfig, ClientConfig, ClientLimitsConfig, ClientTlsConfig};
pub use options::CallOptions;
pub use rt::ClientStream;
pub use shared::NodeView;
