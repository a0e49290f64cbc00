//! A circuit breaker: stops sending most calls to a callee that fails most of them.
//!
//! A call that will fail anyway costs its caller a wait and the callee work that it lacks the
//! strength for. So the breaker compares what was asked with what succeeded in the last ten
//! seconds, and rejects the part of the calls that the callee cannot serve. It needs no half-open
//! state: the more succeeds, the less it rejects. The rule is the client-side throttling of
//! Google's *Site Reliability Engineering* with go-zero's constants: see [`Config`].
//!
//! - **Partial failure does not open it.** With `k` = 1.5 it throttles when more than a third
//!   fails. A callee that fails what is too much for it then gets half as many calls again as it
//!   can serve; one that fails more than a third however little it is asked gets next to none.
//! - **It notices recovery.** While it rejects, one call a second passes regardless; each success
//!   doubles that rate and a failure brings it back to one a second. Ten successes in a row, with
//!   neither a failure nor a rejection between, end the episode and begin a new window: the
//!   failures of the outage are then no evidence any more.
//! - **Nothing wedges it.** It keeps counts, not slots: a [`Pass`] that never ends holds up nobody.
//! - **It blames no one for what the caller did.** A call that was cancelled, or found no instance,
//!   counts neither way, answers about the caller's mistakes are successes, and what the breaker
//!   rejects is counted apart. A panic is a failure.
//!
//! When it is wrong: in front of one instance (that is for outlier ejection; a breaker would reject
//! calls that other instances could serve) and in front of independent things behind one method,
//! such as shards, which are better given a [`Breaker`] each.
//!
//! ```
//! use rzero_core::{Class, Outcome};
//! use rzero_resilience::breaker::{Breaker, Settings, State};
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let breaker = Breaker::new("orders-db", "query", Settings::default(), now);
//! for _ in 0..100 {
//!     if let Ok(pass) = breaker.enter(now) {
//!         pass.finish(Outcome::failed(Class::Unavailable), now);
//!     }
//! }
//! assert_ne!(breaker.state(), State::Closed);
//! assert!(breaker.snapshot(now).rejected > 0);
//! ```
//!
//! # Cost
//!
//! A call costs a few reads, one atomic addition for its answer and one reference count; no lock,
//! no allocation, no clock, whatever the number of buckets. What many threads share they mostly
//! read. [`Breaker`] says what is exact under threads and what is not.

mod config;
mod core;
mod decision;
#[cfg(all(test, rzero_loom))]
mod models;
mod ramp;
mod reasons;
mod report;
mod ring;
mod set;
mod sync;
mod tally;

use std::fmt;
use std::sync::Arc;

use rzero_core::{Admission, CallInfo, Class, Error, Fixed, Outcome, Permit};
use tokio::time::Instant;

pub use config::{Codes, Config, InvalidConfig, Settings};
pub use decision::State;
pub use reasons::{Failure, Reason};
pub use report::Snapshot;
pub use set::{Breakers, METHODS_MAX};

use self::core::Core;

static OPEN: Fixed = Fixed::new(
    Class::BreakerOpen,
    "the circuit breaker rejects this call: the callee has been failing",
);

/// The breaker of one method of one callee, or of one dependency. Clones are the same breaker.
///
/// Under threads nothing is lost or counted twice. What is inexact is the moment: an answer that
/// races with a change of buckets (four a second) may count for the neighbouring bucket, which
/// expires a quarter of a second sooner or later; a decision may see an answer or not that comes
/// at the same instant; and decisions made while another thread changes the buckets go by the
/// window before. A change of buckets happens with the first call after it is due.
#[derive(Clone)]
pub struct Breaker(Arc<Core>);

impl Breaker {
    /// A closed breaker in front of `method` of `callee`; the names are for logs and for
    /// [`Breaker::snapshot`].
    #[must_use]
    pub fn new(
        callee: impl Into<Arc<str>>,
        method: &str,
        settings: Settings,
        now: Instant,
    ) -> Self {
        Self(Arc::new(Core::new(
            callee.into(),
            method.into(),
            settings,
            now,
        )))
    }

    /// Lets a call pass or rejects it.
    ///
    /// # Errors
    /// When it is rejected.
    #[inline]
    pub fn enter(&self, now: Instant) -> Result<Pass, Rejected> {
        Pass::admit(&self.0, now, || self.0.dice())
    }

    /// Like [`enter`](Self::enter), with the caller's own evenly distributed `random` bits: 0 is
    /// rejected whenever anything could be, `u64::MAX` never.
    ///
    /// # Errors
    /// When it is rejected.
    pub fn enter_with(&self, now: Instant, random: u64) -> Result<Pass, Rejected> {
        Pass::admit(&self.0, now, || random)
    }

    /// What it does at the moment: as of the last call or [`snapshot`](Self::snapshot), since time
    /// alone changes nothing.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// How many calls it has ever rejected.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.0.rejected()
    }

    /// What it knows, for people to look at.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        self.0.snapshot(now)
    }

    /// Judges by other settings from now on. What was counted stays, also when the window is cut
    /// in another way: then a count may move by one bucket.
    ///
    /// Waits for a change of buckets under way, and so is not for the path of a call.
    pub fn reconfigure(&self, settings: Settings, now: Instant) {
        self.0.reconfigure(settings, now);
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("callee", &self.0.callee())
            .field("method", &self.0.method())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Admission for Breaker {
    type Permit = Pass;

    #[inline]
    fn admit(&self, _: &CallInfo, now: Instant) -> Result<Pass, Error> {
        self.enter(now).map_err(Rejected::error)
    }
}

/// A call that a breaker let pass.
///
/// Dropped unfinished it counts neither as success nor as failure, and as a failure while the
/// thread panics. It may also live for ever.
#[must_use = "dropped, it counts as cancelled"]
#[derive(Debug)]
pub struct Pass {
    /// `None` when the breaker is off, and when the end was counted.
    core: Option<Arc<Core>>,
    began_ns: u64,
}

impl Pass {
    #[inline]
    fn admit(core: &Arc<Core>, now: Instant, dice: impl FnOnce() -> u64) -> Result<Self, Rejected> {
        if !core.is_enabled() {
            return Ok(Self {
                core: None,
                began_ns: 0,
            });
        }
        let began_ns = core.nanos(now);
        if !core.decide(began_ns, dice) {
            return Err(Rejected);
        }
        Ok(Self {
            core: Some(Arc::clone(core)),
            began_ns,
        })
    }

    /// The call ended.
    #[inline]
    pub fn finish(mut self, outcome: Outcome, now: Instant) {
        if let Some(core) = self.core.take() {
            core.record(outcome, self.began_ns, core.nanos(now));
        }
    }
}

impl Permit for Pass {
    #[inline]
    fn finish(self, outcome: Outcome, now: Instant) {
        Self::finish(self, outcome, now);
    }
}

impl Drop for Pass {
    #[inline]
    fn drop(&mut self) {
        if let Some(core) = self.core.take()
            && std::thread::panicking()
        {
            // The time of the end is not known here; it only ages the reason.
            core.failed(Reason::Panic, self.began_ns);
        }
    }
}

/// A breaker rejected a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected;

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rejected by the circuit breaker")
    }
}

impl std::error::Error for Rejected {}

impl Rejected {
    /// The error that its caller sees, of class [`Class::BreakerOpen`]. Allocates nothing.
    #[must_use]
    pub const fn error(self) -> Error {
        Error::fixed(&OPEN)
    }
}
