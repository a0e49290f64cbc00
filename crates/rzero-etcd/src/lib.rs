//! The etcd registry, and etcd as a configuration centre.
//!
//! [`EtcdRegistry`] is a [`Registry`](rzero_registry::Registry) on an etcd cluster that others
//! may use too: it writes the keys that go-zero writes and reads, so that a fleet of both sees and
//! is seen, and what go-zero cannot say beside them, where go-zero does not look.
//!
//! | key | value | written for |
//! |---|---|---|
//! | `<service>/<lease>` | `host:port` | instances with a gRPC address, of the default lane |
//! | `/rzero/meta/<service>/<lease>` | JSON with everything else | all instances |
//!
//! Both are written in one transaction, on one lease. The main idea on top of that is that
//! *nothing is ever final*: a registration and a watch are loops around a session with etcd. A
//! session that fails, for whatever reason, is followed by another one, at another member if need
//! be, which begins by establishing the facts anew: is the lease alive, what is in the store. No
//! state is resumed that etcd may have forgotten.
//!
//! ```no_run
//! # async fn run() -> Result<(), rzero_core::Error> {
//! use rzero_etcd::{EtcdConfig, EtcdRegistry};
//! use rzero_registry::Registry;
//!
//! let registry = EtcdRegistry::connect(&EtcdConfig {
//!     endpoints: vec!["10.0.0.1:2379".into(), "10.0.0.2:2379".into()],
//!     ..EtcdConfig::default()
//! })?;
//! let watch = registry.watch(&"user.rpc".parse()?);
//! # Ok(())
//! # }
//! ```
//!
//! [`EtcdCentre`] follows one key with a document, `/rzero/config/<service>`, as a layer of that
//! service's configuration, in the same way: sessions that begin with the facts.
//!
//! # Building it
//!
//! The etcd client compiles its protocol when it is built, with `protoc` and the well-known types.
//! When the build script of `etcd-client` fails with "Could not find `protoc`" or
//! "google/protobuf/descriptor.proto: File not found", install both: on Debian and Ubuntu
//! `apt-get install protobuf-compiler libprotobuf-dev`, on Fedora `dnf install protobuf-compiler
//! protobuf-devel`, on macOS `brew install protobuf`.
//!
//! # What this crate does not do
//!
//! No locks, no elections. No choice among instances. It does not write configuration.
#![forbid(unsafe_code)]

mod backoff;
mod centre;
mod config;
mod failure;
mod follow;
mod keep;
mod layout;
mod link;
mod registry;
mod store;
mod view;

pub use centre::{CentreConfig, EtcdCentre};
pub use config::{EtcdConfig, EtcdTls};
pub use registry::EtcdRegistry;
