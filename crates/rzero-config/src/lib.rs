//! Layered, strictly checked, hot-reloadable configuration.
//!
//! A service is configured in several places at once: defaults in the program, a file or two, a
//! configuration centre, the environment, the command line. When something is wrong the question
//! is always *which* place, so the one idea here is that **every value keeps its origin**, and
//! every message starts with it:
//!
//! ```text
//! etc/greeter.toml:7:11: server.rpc.timeout: expected a duration such as "3s", found integer 3; …
//! environment RZ_SERVER__RPC__LISEN: server.rpc.lisen: unknown key; did you mean `listen`?
//! ```
//!
//! [`Loader`] merges the layers into a [`Document`], owners take their sections from it, and the
//! user's own type gets the rest. Nothing is ignored: a key that nobody takes is an error, in
//! structs without `deny_unknown_fields` too.
//!
//! ```
//! use std::time::Duration;
//!
//! use rzero_config::{ByteSize, Loader, Secret};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Rpc {
//!     listen: String,
//!     #[serde(with = "rzero_config::duration")]
//!     timeout: Duration,
//!     body_max: ByteSize,
//! }
//!
//! #[derive(Deserialize)]
//! struct Server {
//!     rpc: Rpc,
//! }
//!
//! /// What the user of the framework wrote: any serde struct.
//! #[derive(Deserialize)]
//! struct Greeter {
//!     greeting: String,
//!     repeat: u32,
//!     api_token: Option<Secret>,
//! }
//!
//! let file = std::env::temp_dir().join(format!("rzero-config-doc-{}.toml", std::process::id()));
//! std::fs::write(&file, r#"
//!     greeting = "hello"
//!     repeat = "${REPEAT:2}"
//!     api_token = "${API_TOKEN:}"
//!     [server.rpc]
//!     listen = "127.0.0.1:8080"
//! "#)?;
//!
//! let mut document = Loader::new()
//!     .defaults("server.rpc = { timeout = '2s', body_max = '4MiB' }")
//!     .file(&file)
//!     .env_prefix("RZ")
//!     .env_map([("RZ_SERVER__RPC__TIMEOUT", "1m30s"), ("API_TOKEN", "hunter2")])
//!     .set("server.rpc.listen", "127.0.0.1:9090")
//!     .load()?;
//! # std::fs::remove_file(&file)?;
//!
//! let server: Server = document.take_section("server")?.expect("it has defaults");
//! assert_eq!(server.rpc.listen, "127.0.0.1:9090");
//! assert_eq!(server.rpc.timeout, Duration::from_secs(90));
//! assert_eq!(server.rpc.body_max, ByteSize::mib(4));
//!
//! for line in document.explain() {
//!     println!("{} = {}  # {}", line.key, line.value, line.origin);
//! }
//! let greeter: Greeter = document.rest()?;
//! assert_eq!((greeter.greeting.as_str(), greeter.repeat), ("hello", 2));
//! assert_eq!(format!("{:?}", greeter.api_token), "Some(***)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`watch_files`] repeats the same while the program runs: the new value is built and checked
//! first, then swapped in atomically; a bad one is refused and the last good one stays.
//! [`watch_sources`] does so for a configuration centre, a [`RemoteSource`], too.
//!
//! # Values with units
//!
//! | type | written as |
//! |---|---|
//! | [`duration`] (`#[serde(with)]`) | `"300ms"`, `"3s"`, `"1m30s"`, `"7d"` |
//! | [`OrNever`] | a duration, or `"never"` |
//! | [`ByteSize`] | `"512B"`, `"64KiB"`, `"10MB"` |
//! | [`RateConfig`] | `{ burst = 100, per_second = 10 }` |
//! | [`Ratio`] | `0.25` |
//! | [`Percent`] | `25` |
//! | [`Secret`] | text, printed as `***` |
//!
//! # What this crate does not do
//!
//! It knows no section names and no defaults: they belong to the crates that own them. It talks to
//! no configuration centre: an adapter does, and is a [`RemoteSource`].

#![forbid(unsafe_code)]

mod de;
mod document;
pub mod duration;
mod error;
mod expand;
mod loader;
mod never;
mod node;
mod origin;
mod parse;
mod rate;
mod ratio;
mod redact;
mod remote;
mod secret;
mod section;
mod size;
mod suggest;
mod watch;

pub use crate::document::{Document, Explained};
pub use crate::error::{Error, Problem};
pub use crate::loader::Loader;
pub use crate::never::OrNever;
pub use crate::origin::Origin;
pub use crate::parse::Format;
pub use crate::rate::RateConfig;
pub use crate::ratio::{OutOfRange, Percent, Ratio};
pub use crate::remote::{RemoteCell, RemoteSource, RemoteState, remote_missing, wait_for_remote};
pub use crate::secret::Secret;
pub use crate::section::Section;
pub use crate::size::{ByteSize, ParseByteSizeError};
pub use crate::watch::{Publisher, Watched, watch_files, watch_sources};
