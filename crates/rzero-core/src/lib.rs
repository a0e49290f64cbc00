//! The call and its shapes: what travels between a wire and the code that handles it.
//!
//! A *wire* (gRPC, TARS, the in-memory test wire) turns bytes of a peer into a [`Call`] and hands
//! it to a [`Dispatch`]; a client hands a [`Call`] to a [`Connection`]. Everything in between
//! (routing, policies, layers, user logic) speaks only the types of this crate, so one breaker or
//! one deadline rule serves every wire.
//!
//! ```
//! use rzero_core::{Class, Error};
//!
//! fn find(id: u64) -> Result<&'static str, Error> {
//!     let text = id.to_string();
//!     let n: u64 = text.parse()?; // `?` works on any foreign error
//!     if n == 7 { Ok("seven") } else { Err(Error::not_found(format!("no item {n}"))) }
//! }
//! assert_eq!(find(8).unwrap_err().class(), Class::NotFound);
//! ```
//!
//! What this crate does not do: no sockets, no encoding, no policy decisions, no configuration.
#![forbid(unsafe_code)]

mod address;
mod admission;
mod ambient;
mod call;
mod codec;
mod cx;
mod error;
mod glob;
mod identity;
mod interceptor;
mod join_set;
mod lane;
mod metadata;
mod method;
pub mod names;
mod outcome;
mod recover;
mod seam;
mod service;
mod shutdown;
mod stream;
mod tasks;
mod trace;

pub use address::{Address, InvalidAddress};
pub use admission::{Admission, Permit};
pub use ambient::{Ambient, CallScope, Shields, scope, shield, spawn, spawn_blocking};
pub use call::{Call, CallInfo, Peer, Priority, Reply, Trailers};
pub use codec::Codec;
pub use cx::{Cx, ReplyMetadata};
pub use error::{
    BoxError, Class, Code, Detail, Error, Fault, Fixed, Result, RetrySafety, Violation,
};
pub use glob::{glob, glob_method};
pub use identity::Identity;
pub use interceptor::{InterceptLayer, Intercepted, Interceptor};
pub use join_set::JoinSet;
pub use lane::{InvalidLane, Lane};
pub use metadata::{InvalidMetadata, Metadata, MetadataCollector, Value};
pub use method::{Idempotency, Kind, Method, MethodDesc, ServiceDesc};
pub use outcome::Outcome;
pub use recover::{Recover, recover};
pub use seam::{
    Bound, BoxFuture, Connection, Dial, Dispatch, Gone, Handling, Load, PendingReply, Served,
    UnaryReply, Wire,
};
pub use service::Service;
pub use shutdown::{Phase, Shutdown, Stop};
pub use stream::{Duplex, Inbound, Outbound, Receiver, Sender, StreamIo};
pub use tasks::{Restart, RunningTask, Stopped, Task, TaskStats, Tasks};
pub use trace::TraceContext;
