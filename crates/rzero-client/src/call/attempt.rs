//! One attempt: breaker → pick → attempt timeout → connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{Call, CallInfo, Class, Error, Fixed, Outcome, Reply, Result, UnaryReply};
use rzero_resilience::breaker::{Pass, Rejected};
use rzero_resilience::retry::deadline::FLOOR;
use tokio::time::{Instant, timeout_at};

use crate::Channel;
use crate::flight::Flight;
use crate::governance::{MethodState, earlier};
use crate::snapshot::Ready;

static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed before the answer",
);

/// What became of a call that asked for a node.
pub(crate) enum Placed {
    /// It has one.
    On(Flight),
    /// None is ready; the breaker has let it pass.
    Nowhere(Pass),
}

impl Channel {
    /// Asks the breaker, then the balancer: no lock, no allocation, nothing awaited. A repeated
    /// call goes to another node than the one that `failed`.
    #[inline]
    pub(crate) fn place(
        &self,
        state: &MethodState,
        info: &CallInfo,
        now: Instant,
        failed: Option<&Ready>,
    ) -> Result<Placed> {
        let pass = state.breaker.enter(now).map_err(Rejected::error)?;
        let snapshot = self.0.snapshot.load();
        let group = snapshot.group(info.lane());
        let node = match failed {
            None => group.pick(info, now),
            Some(failed) => group.pick_other(info, now, failed),
        };
        Ok(match node {
            Some(node) => Placed::On(Flight::begin(Arc::clone(node), pass, now)),
            None => Placed::Nowhere(pass),
        })
    }

    /// Waits for a node where there was none; gives the time when there is one.
    pub(crate) async fn find(
        &self,
        pass: Pass,
        info: &CallInfo,
        now: Instant,
    ) -> Result<(Flight, Instant)> {
        match self.wait(info, now).await {
            Ok((node, now)) => Ok((Flight::begin(node, pass, now), now)),
            Err(error) => {
                pass.finish(Outcome::failed(error.class()), now);
                Err(error)
            }
        }
    }

    /// The flight of a call that asked for a node, awaited where none was ready; with the time at
    /// which it begins.
    pub(crate) async fn settle(
        &self,
        placed: Placed,
        info: &CallInfo,
        now: Instant,
    ) -> Result<(Flight, Instant)> {
        match placed {
            Placed::On(flight) => Ok((flight, now)),
            // Boxed: this is rare, and the future of every call would be as large.
            Placed::Nowhere(pass) => Box::pin(self.find(pass, info, now)).await,
        }
    }
}

/// Sends the call and waits for its answer, at most `limit`; tells when that was.
pub(super) async fn send(
    flight: &mut Flight,
    info: &CallInfo,
    message: &Bytes,
    limit: Option<Duration>,
    begun: Instant,
) -> (Result<Reply<Bytes>>, Instant) {
    let limit = limit.and_then(|limit| begun.checked_add(limit));
    flight.deadline = earlier(info.deadline(), limit);
    let reply = begin(flight, info, message);
    let result = match flight.deadline {
        Some(at) => timeout_at(at, reply)
            .await
            .unwrap_or(Err(Error::fixed(&LATE))),
        None => reply.await,
    };
    let now = Instant::now();
    let result = result.map_err(|error| match is_overdue(&error, flight.deadline, now) {
        true => Error::fixed(&LATE),
        false => error,
    });
    match &result {
        Ok(_) => flight.finish(Outcome::OK, now),
        Err(error) => flight.fail(error, now),
    }
    (result, now)
}

/// Hands the call to the connection. The callee is told the deadline of the attempt.
fn begin(flight: &Flight, info: &CallInfo, message: &Bytes) -> UnaryReply {
    let mut info = info.clone();
    info.set_deadline(flight.deadline);
    let body = message.clone();
    flight.node().connection.unary(Call { info, body })
}

/// Whether a peer cut the call because its deadline passed: servers keep it too, and one that
/// resets the stream may be faster than our own timer.
pub(crate) fn is_overdue(error: &Error, deadline: Option<Instant>, now: Instant) -> bool {
    error.class() == Class::Cancelled
        && deadline.is_some_and(|at| at.saturating_duration_since(now) < FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_that_cuts_a_call_at_its_deadline_was_not_the_one_to_cancel() {
        let (now, cut) = (Instant::now(), Error::new(Class::Cancelled, "x"));
        assert!(is_overdue(&cut, Some(now), now));
        let in_time = Some(now + Duration::from_millis(5));
        assert!(!is_overdue(&cut, in_time, now));
        assert!(!is_overdue(&cut, None, now));
        assert!(!is_overdue(&Error::not_found("x"), Some(now), now));
    }
}
