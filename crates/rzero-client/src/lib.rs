//! The client side put together: discovery, connections, balanced calls.
//!
//! A [`Channel`] belongs to one target service. A task of its own follows the registry, dials
//! every instance eagerly and off the call path, and publishes an immutable snapshot of the ready
//! ones; a call picks from that snapshot without a lock. It is cheap to clone and connects behind:
//! making one never waits and never fails.
//!
//! # The default chain
//!
//! ```text
//! deadline budget → fallback → hedging → retry → per attempt: breaker → balancer pick
//!     (outlier ejection, slow start, subset, zone) → attempt timeout → connection
//! ```
//!
//! All of it but hedging and fallback is on by default and follows `[policy]`
//! ([`rzero_policy::Policies`]), which may change while calls run: [`ChannelBuilder::policies`].
//! [`Channel::governance`] shows how it stands.
//!
//! What this crate does not do: it knows no wire and no registry by name (both are handed in), and
//! decides nothing by itself: rules are in `rzero-resilience` and `rzero-balance`.
#![forbid(unsafe_code)]

mod backoff;
mod builder;
mod call;
mod channel;
mod cluster;
mod config;
mod flight;
mod governance;
mod node;
mod options;
pub mod rt;
mod shared;
mod snapshot;
mod stream;

pub use builder::ChannelBuilder;
pub use call::FailedCall;
pub use channel::Channel;
pub use config::{ClientCompressionConfig, ClientConfig, ClientLimitsConfig, ClientTlsConfig};
pub use governance::{BudgetView, Governance, LaneView, MethodView};
pub use options::CallOptions;
pub use rt::ClientStream;
pub use shared::NodeView;
