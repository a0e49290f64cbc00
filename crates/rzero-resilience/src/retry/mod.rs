//! Whether, when and where a call is tried again.
//!
//! Retries hide short failures, and unbounded ones turn a short failure into a long outage. So
//! they are bounded three times: each call by its [`Policy`], all calls to a target by its
//! [`Budget`], and chains of services by one rule: whoever works for a retried call does not retry.
//!
//! | part | what it is |
//! |---|---|
//! | [`Attempts`] | the state of one call: given a [`Failure`], it says [`Verdict`] |
//! | [`Budget`] | how much extra load all calls to a target may cause |
//! | [`Hedge`] | a second attempt that begins while a slow first one still runs |
//! | [`CancelCap`] | how many calls of a connection may be cancelled each second |
//! | [`latency::Latency`] | median and 95th percentile of a target |
//! | [`deadline`] | how much time a callee gets |
//! | [`run`], [`hedged`] | drivers that put it all together, for any kind of work |
//!
//! What only failed because it never ran is safe to repeat; what may have run is repeated only
//! when it is idempotent ([`Class::retry_safety`](rzero_core::Class::retry_safety)).
//!
//! ```
//! use rzero_core::{Class, Error};
//! use rzero_resilience::retry::{self, Budget, BudgetConfig, Policy, Work};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Error> {
//! let budget = Budget::new(&BudgetConfig::default(), tokio::time::Instant::now());
//! let work = Work::current().idempotent();
//! let policy = Policy::default();
//! let answer = retry::run(&policy, &budget, work, |attempt| async move {
//!     match attempt.number {
//!         0 => Err(Error::new(Class::ConnectionLost, "the server went away")),
//!         _ => Ok("here it is"),
//!     }
//! });
//! assert_eq!(answer.await?, "here it is");
//! # Ok(())
//! # }
//! ```

mod attempts;
mod budget;
mod cancel;
pub mod deadline;
mod hedge;
mod hedged;
pub mod latency;
mod policy;
mod ring;
mod run;
mod target;
mod work;

pub use attempts::{Attempts, Failure, Reason, Replay, Verdict, seed};
pub use budget::{Budget, BudgetConfig, Withdrawal};
pub use cancel::CancelCap;
pub use hedge::Hedge;
pub use hedged::hedged;
pub use policy::{Classes, Policy};
pub use run::run;
pub use target::Target;
pub use work::{Attempt, Side, Work};
