//! Load shedding: a server that has too much refuses some of it, early and cheaply, so that what
//! it lets in is answered in time.
//!
//! A call is refused when two things hold at once: a [signal](Signals) says that the server is
//! overloaded (CPU, memory level, queue wait, an exhausted pool), and more calls are in flight
//! than the server has lately shown it can work on, which by Little's law is its best throughput
//! times its best response time ([`formula`]). A server that is merely busy refuses nothing, and
//! one whose signal is stuck still works at its measured capacity. For a second after a refusal
//! the signal counts as still on, and as long as more than a fifth of all calls has to be refused
//! it goes off later than it went on, so that shedding does not flap with it.
//!
//! The algorithm is the one that go-zero took from BBR, with these differences: microseconds
//! instead of milliseconds, more signals than the CPU, and an average of calls in flight that is
//! kept at admission too, so that a stalled server notices.
//!
//! ```
//! use std::sync::Arc;
//! use rzero_core::{Admission, CallInfo, Idempotency, Kind, Method, Outcome, Permit};
//! use rzero_resilience::shed::{Config, Shedder, Signals};
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let signals = Arc::new(Signals::new(now));
//! let shedder = Shedder::new(&Config::default(), Arc::clone(&signals), now)?;
//! let method = Method::dynamic("/shop.Cart/Add", Kind::Unary, Idempotency::Unknown).unwrap();
//! let ticket = shedder.admit(&CallInfo::new(method, now), now).unwrap();
//! assert_eq!(shedder.snapshot(now).inflight, 1);
//! ticket.finish(Outcome::OK, now);
//! # Ok::<(), String>(())
//! ```
//!
//! What goes wrong, and what to do: *the server is overloaded and nothing is shed* — look at
//! [`Snapshot::signals`], one of them is not readable; or calls wait *behind* admission, where
//! only the CPU signal notices: ask the shedder when the work is about to begin. *Calls are shed on an idle server* — look at
//! [`Snapshot::min_rt`] and [`Snapshot::max_pass`]: something fast that is no work (a probe)
//! passes through the shedder; it belongs in front of it.

pub mod cpu;
pub mod formula;

mod config;
mod decision;
mod refusal;
mod shedder;
mod signals;
mod snapshot;
mod waits;
mod window;

pub use config::Config;
pub use refusal::Reason;
pub use shedder::{Shedder, Ticket, is_exempt};
pub use signals::{PoolSignal, SignalState, Signals};
pub use snapshot::{SignalStates, Snapshot};
