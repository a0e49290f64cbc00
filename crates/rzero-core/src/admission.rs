//! Policies as guards.

use tokio::time::Instant;

use crate::{CallInfo, Error, Outcome};

/// A policy that lets a call in or refuses it: a limit, a breaker, a shedder.
///
/// `admit` is synchronous, allocates nothing and reads no clock. Tuples admit in order and finish
/// in reverse, so several policies are one fused step.
pub trait Admission: Send + Sync + 'static {
    /// What an admitted call holds until it ends.
    type Permit: Permit;

    /// Lets the call in or refuses it.
    ///
    /// # Errors
    /// The refusal, by convention an [`Error::fixed`].
    fn admit(&self, call: &CallInfo, now: Instant) -> Result<Self::Permit, Error>;
}

/// What an admitted call holds. Dropped unfinished, the call counts as cancelled, or as failed
/// when the thread is panicking.
pub trait Permit: Send {
    /// The call ended.
    fn finish(self, outcome: Outcome, now: Instant);
}

impl Permit for () {
    fn finish(self, _: Outcome, _: Instant) {}
}

/// What a policy gave that may be switched off.
impl<P: Permit> Permit for Option<P> {
    fn finish(self, outcome: Outcome, now: Instant) {
        if let Some(permit) = self {
            permit.finish(outcome, now);
        }
    }
}

impl Admission for () {
    type Permit = ();

    fn admit(&self, _: &CallInfo, _: Instant) -> Result<(), Error> {
        Ok(())
    }
}

impl<A: Permit, B: Permit> Permit for (A, B) {
    fn finish(self, outcome: Outcome, now: Instant) {
        self.1.finish(outcome, now);
        self.0.finish(outcome, now);
    }
}

impl<A: Admission, B: Admission> Admission for (A, B) {
    type Permit = (A::Permit, B::Permit);

    fn admit(&self, call: &CallInfo, now: Instant) -> Result<Self::Permit, Error> {
        let first = self.0.admit(call, now)?;
        Ok((first, self.1.admit(call, now)?))
    }
}
