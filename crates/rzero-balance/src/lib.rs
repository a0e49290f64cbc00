//! Load balancing as a pure decision: which of these nodes takes the next call.
//!
//! A channel keeps one [`NodeStats`] per instance id. On every discovery change it turns the ready
//! instances into [`Candidate`]s and asks a [`Policy`] for a new [`Picker`], an immutable snapshot
//! that any number of threads ask at once. The statistics are shared, so they outlive it.
//!
//! ```
//! use std::sync::Arc;
//! use rzero_balance::{Candidate, NodeStats, Policy, instance_key};
//! use rzero_core::{CallInfo, Idempotency, Kind, Method, Outcome};
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let candidates: Vec<_> = ["a", "b"]
//!     .into_iter()
//!     .map(|id| Candidate {
//!         key: instance_key(id),
//!         weight: 100,
//!         stats: Arc::new(NodeStats::new(now)),
//!     })
//!     .collect();
//! let stats: Vec<_> = candidates.iter().map(|c| Arc::clone(&c.stats)).collect();
//! let picker = Policy::default().picker(candidates, now);
//!
//! let method = Method::dynamic("/a.B/Get", Kind::Unary, Idempotency::Unknown)?;
//! let node = picker.pick(&CallInfo::new(method, now), now, None).expect("two nodes are live");
//! let started = stats[node].begin(now);
//! // ... the call runs ...
//! stats[node].finish(started, Outcome::OK, Instant::now());
//! assert_eq!(stats[node].in_flight(), 0);
//! # Ok::<(), rzero_core::Error>(())
//! ```
//!
//! Who may be a candidate is decided here as well, from values and the time:
//!
//! - [`Outliers`] says which nodes fail so much more than their peers that they are left out for a
//!   while, and when to probe them. [`NodeStats::finish`] counts for it.
//! - [`SlowStart`] lets nodes that are new or back take their share only little by little.
//! - [`Subset`] says which of very many nodes a client keeps connections to.
//! - [`prefer_zone`] gives the weights that keep calls in the client's own zone, as long as that
//!   has the capacity.
//!
//! What this crate does not do: no sockets, no tasks, no clock of its own (every question carries
//! `now`), no discovery. Who is not ready is simply not a candidate.
#![forbid(unsafe_code)]

mod key;
mod nodes;
mod outlier;
mod picker;
mod policy;
mod random;
mod sampler;
mod slow_start;
mod stats;
mod subset;
mod verdict;
mod zone;

pub use key::instance_key;
pub use outlier::{EjectReason, Look, OutlierConfig, Outliers, Probed, Standing, Watched};
pub use picker::{Candidate, Picker};
pub use policy::{InvalidLoadFactor, LoadFactor, Policy, UnknownPolicy};
pub use random::Randomness;
pub use slow_start::SlowStart;
pub use stats::{NodeStats, Started, Streak};
pub use subset::{Subset, SubsetConfig};
pub use zone::{Zoned, prefer_zone};
