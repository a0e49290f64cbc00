//! Discovery by the domain name system.
//!
//! [`DnsRegistry`] is a read-only [`Registry`](rzero_registry::Registry): somebody else keeps the
//! records, most often Kubernetes, which lists the ready pods of a headless service under its
//! name. Two kinds of records are understood:
//!
//! | pattern | asked | instances |
//! |---|---|---|
//! | `{service}.default.svc.cluster.local:8080` | A and AAAA | each address, with that port |
//! | `_grpc._tcp.{service}.default.svc.cluster.local` | SRV, then A and AAAA of the targets | each address of each target, with its port and weight |
//!
//! Records are true until their time to live runs out, and so the one idea here is that *the zone
//! decides how often it is asked*: after the shortest time to live of an answer, but never more
//! often than [`refresh_min`](DnsConfig::refresh_min) nor less often than
//! [`refresh_max`](DnsConfig::refresh_max), and a random tenth later, so that a fleet does not ask
//! in step.
//!
//! What an answer is believed of:
//!
//! - No answer in time, SERVFAIL and REFUSED say nothing about the service: what was known stays,
//!   and the next question follows soon, later and later.
//! - NXDOMAIN and an empty answer are answers, but an empty list is not believed at once: the last
//!   instances stay for [`empty_protect`](DnsConfig::empty_protect).
//! - When one of several questions fails (AAAA, or the addresses of one target), its last good
//!   answer stands in for it; a list that is empty only because of a failure is no list.
//! - A cut UDP answer is asked for again over TCP; a part of a list is never taken for the whole.
//!
//! ```no_run
//! # async fn run() -> Result<(), rzero_core::Error> {
//! use rzero_dns::{DnsConfig, DnsRegistry};
//! use rzero_registry::Registry;
//!
//! let registry = DnsRegistry::open(&DnsConfig {
//!     name: Some("{service}.default.svc.cluster.local:8080".into()),
//!     ..DnsConfig::default()
//! })?;
//! let watch = registry.watch(&"users".parse()?);
//! # Ok(())
//! # }
//! ```
//!
//! # What this crate does not do
//!
//! It registers nothing. Names are absolute: the search list of the system is not used, nor its
//! hosts file. It keeps no cache of its own; each watched service is asked for by itself. No DNSSEC
//! and no encrypted transports: the name server is trusted as far as the network to it is.
#![forbid(unsafe_code)]

mod config;
mod follow;
mod lookup;
mod pace;
mod pattern;
mod question;
mod registry;

pub use config::{DnsConfig, Family};
pub use registry::DnsRegistry;
