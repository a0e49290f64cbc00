//! Where instances of a service register, and how callers find them.
//!
//! A server hands its [`Instance`] to a [`Registry`] and holds the [`Registration`]: as long as
//! it does, the instance stays registered, whatever happens to the back end meanwhile. A caller
//! asks the registry for a [`Watch`] of a service, and reads whole [`Snapshot`]s from it.
//!
//! The main idea is that *losing the registry never empties a caller*. What was last known to be
//! good stays until there is better knowledge, and an empty list is believed only of instances
//! that were seen to deregister. [`backend::Keeper`] holds the rules, without a clock or a socket.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), rzero_core::Error> {
//! use rzero_core::Address;
//! use rzero_registry::{Instance, InstanceId, MemoryRegistry, Registry, ServiceName};
//!
//! let registry = MemoryRegistry::new();
//! let service: ServiceName = "user.rpc".parse()?;
//! let address = Address::tcp("127.0.0.1", 8080);
//! let instance = Instance::new(service.clone(), InstanceId::generate(), "grpc", address);
//!
//! let registration = registry.register(instance).await?;
//! assert_eq!(registry.watch(&service).current().instances.len(), 1);
//! registration.close().await?;
//! assert_eq!(registry.watch(&service).current().instances.len(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! | back end | instances live in |
//! |---|---|
//! | [`LocalRegistry`] | a folder of this host; the default, needs no server |
//! | [`StaticRegistry`] | the configuration |
//! | [`MemoryRegistry`] | this process; for tests |
//!
//! A back end over a network is a crate of its own, made of the parts in [`backend`] and tested
//! by the suite in `conformance`.
//!
//! # Features
//!
//! - `conformance`: the facts that every back end must hold, as async functions for tests.
//!
//! # What this crate does not do
//!
//! No networking, no choice among instances, no health checks.
#![forbid(unsafe_code)]

pub mod backend;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod fixed;
mod instance;
mod local;
mod memory;
mod registration;
mod registry;
mod snapshot;
mod text;
mod watch;
mod weight;

pub use config::{NoDns, NoEtcd, RegistryConfig, RegistryKind, StaticInstance, StaticServices};
pub use fixed::StaticRegistry;
pub use instance::{Instance, InvalidInstance};
pub use local::LocalRegistry;
pub use memory::MemoryRegistry;
pub use registration::{Registration, RegistrationStatus, StatusWatch, Update};
pub use registry::Registry;
pub use snapshot::{Snapshot, Status};
pub use text::{InstanceId, InvalidName, ServiceName};
pub use watch::Watch;
pub use weight::{InvalidWeight, Weight};
