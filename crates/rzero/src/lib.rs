//! rzero: from a contract to a running, balanced, observable service.
//!
//! ```text
//! $ rzctl new service greeter      # contract, config, logic, test: builds and runs as it is
//! $ cd greeter && cargo run        # listens, becomes ready, registers; no server needed
//! $ rzctl call greeter.Greeter/SayHello '{"name":"Li"}'
//! ```
//!
//! A scaffolded `main.rs` is all the assembly a service needs:
//!
//! ```no_run
//! # use rzero::rt::{Describe, ServiceDesc};
//! # #[derive(serde::Deserialize)] struct Config {}
//! # async fn main_() -> rzero::Exit {
//! rzero::run(async {
//!     let config = rzero::config::load::<Config>("etc/greeter.toml")?;
//!     let app = rzero::App::new(&config)?;
//!     let users = app.channel("user")?; // returns at once, connects behind
//!     # drop(users);
//!     app /* .serve(GreeterServer::new(Logic { users })) */ .run().await
//! })
//! .await
//! # }
//! ```
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `grpc` | yes | the gRPC wire |
//! | `log` | yes | a log subscriber, filtered by `RZ_LOG` |
//! | `etcd` | no | the etcd registry and configuration centre; needs `protoc` at build time |
//! | `dns` | no | discovery by the domain name system: headless services, SRV records |
//! | `redis` | no | `redis`: a Redis client; rate limits that all processes share, tokens of applications in Redis |
//! | `tower` | no | `tower`: tower layers around our services, ours as tower services |
//! | `tonic` | no | `tonic`: tonic-generated clients on our channels, tonic-generated services on our server |
//!
//! What this crate does not do: it holds no logic but the wiring of configured names to adapters.
#![forbid(unsafe_code)]

mod wiring;

pub use rzero_client::{CallOptions, Channel, ClientStream, NodeView};
pub use rzero_core::{
    Ambient, Call, CallInfo, Class, Code, Cx, Error, Fault, Identity, InterceptLayer, Interceptor,
    JoinSet, Lane, Metadata, Outcome, Priority, Receiver, Reply, Restart, Result, RetrySafety,
    Sender, Service, Stop, Task, TaskStats, Tasks, Value, Violation, shield, spawn, spawn_blocking,
};
pub use rzero_policy as policy;
#[cfg(feature = "redis")]
pub use rzero_redis as redis;
pub use rzero_resilience as resilience;
pub use rzero_server::{AppHandle, AuthHooks, Drained, Exit, TokenStore};
#[cfg(feature = "tonic")]
pub use rzero_tonic as tonic;
#[cfg(feature = "tower")]
pub use rzero_tower as tower;
pub use wiring::{App, run};
#[doc(hidden)]
pub use {bytes, prost, prost_types};

/// Configuration: loading, checked value types, hot reload.
pub mod config {
    pub use rzero_config::*;

    pub use crate::wiring::redis::RedisSettings;
    pub use crate::wiring::settings::{Settings, load, watch};
}

/// What generated code calls; not for users.
#[doc(hidden)]
pub mod rt {
    pub use rzero_client::rt::*;
    pub use rzero_core::{Duplex, Idempotency, Kind, Method, MethodDesc, ServiceDesc, Trailers};
    pub use rzero_proto::codec as proto;
    pub use rzero_server::rt::*;
}

/// The building blocks below the facade, for tools and for programs that assemble their own.
pub mod parts {
    pub use rzero_balance as balance;
    pub use rzero_client as client;
    pub use rzero_core as core;
    #[cfg(feature = "dns")]
    pub use rzero_dns as dns;
    #[cfg(feature = "etcd")]
    pub use rzero_etcd as etcd;
    #[cfg(feature = "grpc")]
    pub use rzero_grpc as grpc;
    pub use rzero_registry as registry;
    pub use rzero_server as server;

    pub use crate::wiring::dialer;
    pub use crate::wiring::registry::{RegistrySettings, registry as open_registry};
    pub use crate::wiring::remote::open as open_remote;
}
