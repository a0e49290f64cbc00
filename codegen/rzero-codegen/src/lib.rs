//! Source files from a checked contract model.
//!
//! The back end of the code generator. [`generate`] turns a [`rzero_idl::Model`] into the contents
//! of a crate's `src/gen/` folder: messages, a trait per service that users implement with plain
//! `async fn`, a server that dispatches to it, a client without type parameters, and the encoded
//! descriptors for reflection.
//!
//! The one idea: a pure function. No clock, no environment, no absolute path and no order of a
//! hash map get into the output, so the same contracts give the same bytes on every machine, and
//! "is the code up to date" is a comparison of bytes.
//!
//! Generated code sees the facade alone: every path in it starts at `::rzero`, `::core` or
//! `::std`, so a crate that holds it depends on `rzero` and nothing else, and a message may be
//! called `Option` or `Result`.
//!
//! ```
//! use rzero_codegen::generate;
//! use rzero_idl::{ProtoInput, load_protos};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let file = dir.path().join("greeter.proto");
//! std::fs::write(
//!     &file,
//!     r#"syntax = "proto3";
//!     package greeter.v1;
//!     service Greeter { rpc SayHello (Hello) returns (Hello); }
//!     message Hello { string name = 1; }"#,
//! )?;
//! let model = load_protos(&ProtoInput { files: vec![file], includes: vec![] })?;
//! let files = generate(&model)?;
//! let paths: Vec<_> = files.iter().map(|file| file.path.display().to_string()).collect();
//! assert_eq!(paths, ["descriptor.bin", "greeter/mod.rs", "greeter/v1.rs", "mod.rs"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Names
//!
//! Names that differ in a contract may be one name in Rust, or belong to Rust. The rules, in the
//! order they apply; wire format, JSON names, `Name` and the descriptors keep the contract's names:
//!
//! | what | becomes |
//! |---|---|
//! | keyword | raw (`r#type`); `self`, `super`, `crate`, `extern`, `Self` get an underscore behind |
//! | second type, enum, field, oneof, enum value of one Rust name in a scope | `…Message`, `…Enum`, `…_field`, `…_choice`, `…Value` behind its name, then `…2`, `…3` |
//! | message with types inside whose module would be a primitive (`bool`) | the same `…Message` |
//! | package whose module is taken by a message's, or is a primitive | `…_package` |
//! | files without a package | module `root`, re-exported at the top |
//! | service whose trait, server, client or table is taken | `…Service` behind the base of all four |
//! | methods `New` and `Clone` | `new_`, `clone_`: clients have these already |
//! | second method of one Rust name | `…_method` |
//! | options variant `x_with` that is a method of the contract | `x_with_options` |
//!
//! Two fields also clash when the accessors of one would be the accessors of the other (`kind`, an
//! enum, beside `set_kind`, an optional). What comes first in the contract keeps its name; files of
//! a package are taken in the order of their names.
//!
//! What this crate does not do: it neither reads nor writes files (that is `rzctl`), and it knows
//! nothing of how a call travels (that is `rzero::rt`, which the output calls).

#![forbid(unsafe_code)]

mod docs;
mod error;
mod file;
mod names;
mod plan;
mod rust;
mod scaffold;

pub use error::GenerateError;
pub use file::GeneratedFile;
pub use plan::{Change, Plan, is_ours, plan};
pub use rust::{
    DESCRIPTOR_FILE, MARKER, Surface, SurfaceMethod, SurfaceService, generate, surface,
};
pub use scaffold::{
    Dependency, GEN_DIR, IMPORT_DIR, PROTO_DIR, Scaffold, ServiceName, TEMPLATES, default_contract,
    scaffold,
};
