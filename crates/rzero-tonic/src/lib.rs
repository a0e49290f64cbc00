//! tonic on our channel and on our server.
//!
//! Code that tonic generated keeps working while a fleet moves over, service by service:
//!
//! - [`TonicChannel`] is what a tonic-generated client calls through. Its calls are balanced,
//!   bounded and repeated as those of any of our clients.
//! - [`service`] and [`mount`] put a tonic-generated service, or a whole `Routes`, on our server
//!   next to ours, with the same port, deadline, drain and reflection. Its layers, interceptors
//!   and state stay as they are.
//!
//! ```no_run
//! # async fn example(
//! #     channel: rzero_client::Channel, app: rzero_server::App, files: &'static [u8],
//! # ) -> rzero_core::Result<()> {
//! # #[derive(Clone)] struct GreeterServer;
//! # impl tonic::server::NamedService for GreeterServer { const NAME: &'static str = "hello.Greeter"; }
//! # impl tower_service::Service<http::Request<tonic::body::Body>> for GreeterServer {
//! #     type Response = http::Response<tonic::body::Body>;
//! #     type Error = std::convert::Infallible;
//! #     type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
//! #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>)
//! #         -> std::task::Poll<Result<(), Self::Error>> { std::task::Poll::Ready(Ok(())) }
//! #     fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future { unreachable!() }
//! # }
//! # struct GreeterClient<T>(T);
//! # impl<T> GreeterClient<T> { fn new(inner: T) -> Self { Self(inner) } }
//! use rzero_tonic::{Contract, TonicChannel, service};
//!
//! // `files` is the descriptor set that tonic's generator writes for its reflection.
//! let contract = Contract::from_files(files)?;
//! let app = app.serve(service(GreeterServer, &contract)?);
//!
//! let client = GreeterClient::new(TonicChannel::new(channel).with_contract(&contract));
//! # drop((app, client));
//! # Ok(())
//! # }
//! ```
//!
//! Errors cross over without loss: [`to_status`] and [`from_status`] say how.
//!
//! What this crate does not do: it opens no connection and no port, and it does not turn tonic's
//! `Channel` or `Server` into ours; those two are replaced.
#![forbid(unsafe_code)]

mod client;
mod contract;
mod frame;
mod headers;
mod inflate;
mod server;
mod status;
mod timeout;

pub use client::TonicChannel;
pub use contract::Contract;
pub use server::{Mounted, MountedService, TonicService, mount, service};
pub use status::{from_status, to_status};

/// The most that a compressed message may grow to, in bytes, and the most that a message of a
/// mounted service may have: what a wire of ours could send in one piece is far below it.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
