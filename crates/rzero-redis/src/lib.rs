//! A Redis client, and limits that many processes share.
//!
//! [`Redis`] is a handle that any number of tasks share: one server, a cluster, or whichever server
//! sentinels name. The main idea is that *a dependency has no time of its own*: each command ends
//! within what the call it is made for has left, a Redis that is away refuses at once, and errors
//! say whose fault it is and whether trying again is safe.
//!
//! ```no_run
//! # async fn run() -> Result<(), rzero_core::Error> {
//! use rzero_redis::redis::cmd;
//! use rzero_redis::{Redis, RedisConfig};
//!
//! let redis = Redis::new("main", &RedisConfig::default())?;
//! let _: () = redis.query(cmd("SET").arg("user:7").arg("ann").arg("EX").arg(60)).await?;
//! let name: Option<String> = redis.query(cmd("GET").arg("user:7")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! On top of it stand the limits of [`rzero_resilience::limit`] for many processes at once:
//!
//! | what is bounded | type | when Redis is away |
//! |---|---|---|
//! | calls per time, by rules and keys | [`DistributedRates`] | as the rule says: `on_error` |
//! | a quota per period, counted as go-zero counts it | [`DistributedPeriod`] | an error |
//! | uses at once, by leases | [`DistributedConcurrency`] | an error; leases in use stay |
//!
//! A server asks [`DistributedRates`] for each call. So can anybody:
//!
//! ```no_run
//! # async fn run() -> Result<(), rzero_core::Error> {
//! use rzero_redis::{DistributedRates, Redis, RedisConfig};
//! use rzero_resilience::limit::{RateRule, RateScope};
//!
//! let redis = Redis::new("main", &RedisConfig::default())?;
//! let rule = RateRule {
//!     name: "mails".into(),
//!     rate: 100,
//!     burst: 10,
//!     scope: RateScope::Distributed,
//!     ..RateRule::default()
//! };
//! let rates = DistributedRates::new(redis, &[], &[rule])?;
//! let checked = rates.take("mails", "ann", 1).await?;
//! if !checked.decision.allowed {
//!     println!("come back in {:?}", checked.decision.retry_after);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What this crate does not do
//!
//! It hides nothing of Redis: commands and values are those of the crate [`redis`], which is
//! re-exported. It has no commands that block and no subscriptions, and caches nothing.
#![forbid(unsafe_code)]

mod backoff;
mod client;
mod config;
mod connect;
mod failure;
mod limit;
mod link;
mod script;

/// The crate whose commands and values these are.
pub use redis;

pub use client::Redis;
pub use config::{RedisConfig, RedisTls, Topology};
pub use limit::{
    Checked, DistributedConcurrency, DistributedPeriod, DistributedRates, Lease, LeaseConfig,
    RateStats,
};
pub use script::Script;
