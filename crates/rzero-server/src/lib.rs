//! The server side put together: services, layers, lifecycle, drain.
//!
//! An [`App`] holds services (a generated `…Server` is one), background parts and user layers, and
//! is handed the wires it speaks and the registry it joins. It starts in the order listen → parts
//! → ready → register and leaves in phases, each with a deadline and a line in the last log
//! message. Every server also offers health and, outside of production, reflection.
//!
//! What this crate does not do: it knows no wire and no registry by name, and reads no files.
#![forbid(unsafe_code)]

mod advertise;
mod app;
mod auth;
pub mod builtin;
pub mod config;
mod exit;
mod govern;
mod mounted;
mod router;
pub mod rt;

pub use app::{App, AppHandle, Drained};
pub use auth::{
    AppAuthConfig, AuthConfig, AuthHooks, AuthKind, AuthMatch, AuthRule, BearerConfig, Combine,
    OnError, TokenStore,
};
pub use config::{
    CompressionConfig, DrainConfig, LimitsConfig, Mode, RpcConfig, ServerConfig, ServiceConfig,
    TlsConfig,
};
pub use exit::{Exit, run};
pub use govern::{Governance, LimitView, MethodView, RateView};
