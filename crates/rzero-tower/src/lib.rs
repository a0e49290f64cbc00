//! tower at the edges, both ways.
//!
//! [`from_tower`] lets an unmodified [`tower_layer::Layer`] wrap our services; [`to_tower`] offers
//! ours as a [`tower_service::Service`].
//!
//! ```
//! use std::time::Duration;
//!
//! use tower::limit::ConcurrencyLimitLayer;
//! use tower::timeout::TimeoutLayer;
//!
//! // What `App::layer` takes; the first one is outermost.
//! let limit = rzero_tower::from_tower(ConcurrencyLimitLayer::new(64));
//! let timeout = rzero_tower::from_tower(TimeoutLayer::new(Duration::from_secs(1)));
//! # drop((limit, timeout));
//! ```
//!
//! tower asks a service whether it is ready before it hands over a request, which would block every
//! call of a connection while one layer is not ready. So each call takes a clone of the layered
//! service and awaits its readiness inside the call: a layer that is not ready makes that one call
//! wait, within its deadline.
//!
//! What this crate does not do: it has no layers of its own, and it knows no HTTP.
#![forbid(unsafe_code)]

mod call;
mod error;
mod from;
mod to;

pub use call::{AnyCall, AnyReply};
pub use error::{TowerError, into_error, recognise};
pub use from::{FromTower, Layered, from_tower};
pub use to::{Inner, ToTower, to_tower};
