//! Contracts read and checked into one model.
//!
//! The front end of the code generator: `.proto` files go in, one ordered [`Model`] or a list of
//! [`Diagnostics`] comes out. There is no `protoc` on this path; the files are parsed in process
//! by `protox`.
//!
//! The one idea: whatever reads a contract (code generator, command line, later OpenAPI) works on
//! the same checked model, so a mistake in a contract is found here, once, and told with file,
//! line, caret and a way out.
//!
//! ```
//! use rzero_idl::{MethodKind, ProtoInput, load_protos};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let file = dir.path().join("greeter.proto");
//! std::fs::write(
//!     &file,
//!     r#"syntax = "proto3";
//!     package greeter.v1;
//!     service Greeter { rpc SayHello (HelloRequest) returns (HelloReply); }
//!     message HelloRequest { string name = 1; }
//!     message HelloReply { string text = 1; }"#,
//! )?;
//! let model = load_protos(&ProtoInput { files: vec![file], includes: vec![] })?;
//! let greeter = model.service("greeter.v1.Greeter").ok_or("the service is in the file")?;
//! assert_eq!(greeter.methods[0].kind, MethodKind::Unary);
//! # Ok(())
//! # }
//! ```
//!
//! What this crate does not do: it writes no code and knows no Rust names; that is
//! `rzero-codegen`.

#![forbid(unsafe_code)]

mod build;
mod builtin;
mod check;
mod convert;
mod diagnostics;
mod duplicate;
mod load;
mod model;
mod resolver;
mod suggest;

pub use diagnostics::{Diagnostics, Mark, Problem};
pub use load::{ProtoInput, load_protos, load_texts};
pub use model::{Idempotency, Location, Method, MethodKind, Model, Package, Service};
