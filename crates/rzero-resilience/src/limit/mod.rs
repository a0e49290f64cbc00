//! Limits on rate and concurrency.
//!
//! | what is bounded | type | waits | as [`Admission`](rzero_core::Admission) |
//! |---|---|---|---|
//! | calls per time, by rules and keys | [`RateLimits`] | no | yes |
//! | calls per time, one limit, any key | [`RateLimit`] over [`Gcra`] | no | – |
//! | a quota per calendar period | [`PeriodLimit`] | no | – |
//! | a small quota in any window, exactly | [`SlidingLog`] | no | – |
//! | calls at once, fixed or adaptive | [`Concurrency`], [`MethodConcurrency`] | no | yes |
//! | uses of one resource at once | [`Bulkhead`] | yes | – |
//!
//! A rate says how much one caller may take; a refusal is of class `RateLimited` and the caller's
//! fault. Concurrency says how much a server can carry; a refusal is of class `Overloaded`, and
//! another instance may have room. Every limit holds for the whole process, never per connection,
//! and can be changed while it runs without forgetting who used what.
//!
//! ```
//! use std::time::Duration;
//!
//! use rzero_resilience::limit::{Gcra, RateLimit};
//! use tokio::time::Instant;
//!
//! // 100 a minute for each user, at most 2 at once.
//! let limit = RateLimit::new(Gcra::new(100, Duration::from_secs(60), 2), 65_536);
//! let now = Instant::now();
//! assert!(limit.check("ann", now).allowed);
//! assert!(limit.check("ann", now).allowed);
//! let refused = limit.check("ann", now);
//! assert_eq!((refused.allowed, refused.retry_after), (false, Duration::from_millis(600)));
//! assert!(limit.check("bob", now).allowed);
//! ```

pub mod gcra;

mod bulkhead;
mod concurrency;
mod epoch;
mod glob;
mod gradient;
mod key;
mod keyed;
mod log;
#[cfg(all(test, rzero_loom))]
mod models;
mod per_method;
mod period;
mod rate;
mod rates;
mod refusal;
mod rule;
mod shared;
mod sync;

pub use bulkhead::{Bulkhead, BulkheadConfig, BulkheadGuard, BulkheadStats};
pub use concurrency::{Concurrency, ConcurrencyConfig, ConcurrencyPermit};
pub use gcra::Gcra;
pub use gradient::{Gradient, GradientConfig};
pub use key::{RateKey, TENANT};
pub use log::{SlidingLog, SlidingLogConfig};
pub use per_method::{ConcurrencyRule, MethodConcurrency};
pub use period::{PeriodConfig, PeriodLimit, PeriodState};
pub use rate::RateLimit;
pub use rates::RateLimits;
pub use rule::{OnError, RateRule, RateScope};
pub use shared::SharedRates;

/// How many keys a limit remembers unless told otherwise.
pub const CAPACITY_DEFAULT: usize = 65_536;
