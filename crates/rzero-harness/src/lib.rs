//! Real backing servers for tests, started on loopback.
//!
//! A fault suite is worth something only when the server it tortures is the real one. This crate
//! starts real servers from the distribution's packages, on private ports of 127.0.0.1, in a
//! throw-away folder, as an unprivileged user, and takes them away again: by process id, checked
//! against the command line, so that a reused id is never killed.
//!
//! The main idea is the *guard*: an [`EtcdCluster`] owns its processes and its folder, and both
//! are gone when it is dropped. A runner that is killed before it can drop its guards leaves a
//! folder whose name says who made it; the next run finds the maker dead and clears it away.
//!
//! ```no_run
//! use rzero_harness::EtcdCluster;
//!
//! let mut etcd = EtcdCluster::start(3)?;
//! let leader = etcd.leader()?;
//! etcd.member(leader).kill()?; // the client under test must not notice for long
//! etcd.member(leader).restart()?;
//! etcd.wait_ready()?;
//! # Ok::<(), rzero_harness::HarnessError>(())
//! ```
//!
//! | item | what it is for |
//! |---|---|
//! | [`EtcdCluster`], [`EtcdOptions`], [`Member`] | one to five etcd members; kill, pause, stop, restart, wipe |
//! | [`RedisServer`], [`RedisOptions`], [`RedisCluster`], [`RedisSentinel`] | one Redis server, a cluster, or two with a sentinel; kill, pause, restart |
//! | [`etcd_from_env`] | the endpoints of the server that `cargo xtask test` shares among tests |
//! | [`FaultProxy`], [`Fault`] | a TCP proxy whose behaviour is switched while it runs |
//! | [`RunFolder`], [`ServerRecord`] | what `cargo xtask services` needs to keep servers between two runs |
//!
//! All calls block the calling thread. In an async test use the multi-threaded runtime, so that
//! the code under test keeps running while the test waits for a server.
//!
//! # Features
//!
//! - `tls`: `Certificates::generate` makes a throw-away authority, server and client certificate.
//!
//! # What this crate does not do
//!
//! It installs nothing (`cargo xtask services up` does), and no product crate depends on it.

mod deadline;
mod environment;
mod error;
mod etcd;
mod folder;
mod http;
mod ports;
mod process;
mod program;
mod proxy;
mod record;
mod redis;

pub use environment::{ETCD_ENV, etcd_from_env};
pub use error::HarnessError;
pub use etcd::{Certificates, EtcdCluster, EtcdOptions, Member, MemberState};
pub use folder::RunFolder;
pub use process::{is_alive, runs_as_root};
pub use program::{Program, find as find_program};
pub use proxy::{Fault, FaultProxy};
pub use record::{Reclaimed, ServerRecord, reclaim, records};
pub use redis::{RedisCluster, RedisOptions, RedisSentinel, RedisServer};
