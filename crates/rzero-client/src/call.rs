//! The path of one call: budget → pick → connection, and what follows a failure.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{
    Ambient, Call, CallInfo, Class, Duplex, Error, Fixed, Method, Outcome, Reply, Result, names,
};
use tokio::time::{Instant, timeout_at};

use crate::flight::Flight;
use crate::stream::Tracked;
use crate::{CallOptions, Channel};

/// What a hop costs: a callee gets this much less than its caller has.
const HOP: Duration = Duration::from_millis(2);
/// With less time left than this nothing is sent.
const FLOOR: Duration = Duration::from_millis(1);
/// A call that was never sent goes to another node at once, this often.
const REPICKS_MAX: u8 = 2;

static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed before the answer",
);
static NO_TIME: Fixed = Fixed::new(Class::DeadlineExceeded, "no time is left for the call");

impl Channel {
    /// Calls a unary method with an encoded message.
    ///
    /// A call that was never sent is placed on another node at once; an idempotent one whose
    /// answer was lost is sent once more, to another node.
    ///
    /// # Errors
    /// The callee's, or why it could not be reached.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call.
    pub async fn unary(
        &self,
        method: Method,
        message: Bytes,
        options: &CallOptions,
    ) -> Result<Reply<Bytes>> {
        let now = Instant::now();
        let mut info = self.prepare(method, options, now);
        let limit = options.timeout.unwrap_or(self.0.timeout);
        budget(&mut info, Some(limit), now)?;
        let mut may_retry = info.is_idempotent() && info.attempt() == 0;
        let (mut repicks, mut avoid, mut now) = (0, None, now);
        loop {
            let (node, picked) = self.pick(&info, now, avoid.as_ref()).await?;
            let flight = Flight::begin(&node.stats, picked);
            let call = Call {
                info: info.clone(),
                body: message.clone(),
            };
            let reply = node.connection.unary(call);
            let result = match info.deadline() {
                Some(at) => timeout_at(at, reply)
                    .await
                    .unwrap_or(Err(Error::fixed(&LATE))),
                None => reply.await,
            };
            now = Instant::now();
            let result = result.map_err(|error| match is_overdue(&error, info.deadline(), now) {
                true => Error::fixed(&LATE),
                false => error,
            });
            flight.finish(Outcome::of(&result), now);
            let error = match result {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let time_left = info.remaining(now).is_none_or(|left| left > FLOOR);
            match after(&error, may_retry && time_left) {
                Next::Repick if repicks < REPICKS_MAX => repicks += 1,
                Next::Retry => {
                    may_retry = false;
                    mark_retry(&mut info);
                }
                _ => return Err(error.relayed()),
            }
            avoid = Some(node.stats);
        }
    }

    /// Begins a call that streams.
    ///
    /// # Errors
    /// When no node can take it; what happens later comes out of the stream.
    ///
    /// # Cancel safety
    /// Dropping the future begins nothing.
    pub async fn open(&self, method: Method, options: &CallOptions) -> Result<Duplex> {
        let now = Instant::now();
        let mut info = self.prepare(method, options, now);
        budget(&mut info, options.timeout, now)?;
        let (mut repicks, mut avoid) = (0, None);
        loop {
            let (node, picked) = self.pick(&info, now, avoid.as_ref()).await?;
            let flight = Flight::begin(&node.stats, picked);
            let duplex = node.connection.open(info.clone());
            // A node that began to leave in this very moment says so at once: nothing was sent.
            if repicks < REPICKS_MAX && !node.connection.is_open() {
                repicks += 1;
                avoid = Some(node.stats);
                continue;
            }
            let deadline = info.deadline();
            return Ok(duplex.wrap(|io| Arc::new(Tracked::new(io, flight, deadline))));
        }
    }

    /// What the callee is told: options first, then what travels on from the call we work for.
    fn prepare(&self, method: Method, options: &CallOptions, now: Instant) -> CallInfo {
        let mut info = CallInfo::new(method, now);
        info.set_metadata(options.metadata.clone());
        info.set_hash_key(options.hash_key);
        info.set_wait_for_ready(options.wait_for_ready.unwrap_or(self.0.wait_for_ready));
        if let Some(yes) = options.idempotent {
            info.set_idempotent(yes);
        }
        if let Some(caller) = &self.0.caller {
            put(&mut info, names::CALLER, caller.to_string());
        }
        Ambient::with(|ambient| carry(&mut info, ambient));
        info
    }
}

/// Hands on the context of the call that this task works for.
fn carry(info: &mut CallInfo, ambient: &Ambient) {
    info.set_deadline(ambient.deadline);
    info.set_lane(ambient.lane.clone());
    info.set_attempt(ambient.attempt);
    if !ambient.lane.is_base() {
        put(info, names::LANE, ambient.lane.as_str().to_owned());
    }
    if ambient.attempt > 0 {
        put(info, names::ATTEMPT, ambient.attempt.to_string());
    }
    if ambient.shadow {
        put(info, names::SHADOW, "1".to_owned());
    }
    if let Some(key) = &ambient.idempotency_key {
        put(info, names::IDEMPOTENCY_KEY, key.to_string());
    }
    if let Some(trace) = &ambient.trace {
        put(info, names::TRACEPARENT, trace.to_string());
        if let Some(state) = trace.state() {
            put(info, names::TRACESTATE, state.to_owned());
        }
    }
}

/// Adds a pair unless the user set that key.
fn put(info: &mut CallInfo, key: &'static str, value: String) {
    let metadata = info.metadata_mut();
    if metadata.get(key).is_none() {
        // What came over a wire was checked there; what we made is plain ASCII.
        let _ = metadata.insert(key, value);
    }
}

/// Sets the deadline: what is left of the caller's budget less a hop, or the call's own limit,
/// whichever ends first. With too little left nothing is sent.
fn budget(info: &mut CallInfo, limit: Option<Duration>, now: Instant) -> Result<()> {
    let inherited = info.deadline().map(|at| at.checked_sub(HOP).unwrap_or(now));
    let own = limit.and_then(|limit| now.checked_add(limit));
    let deadline = match (inherited, own) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    if deadline.is_some_and(|at| at.saturating_duration_since(now) < FLOOR) {
        return Err(Error::fixed(&NO_TIME));
    }
    info.set_deadline(deadline);
    Ok(())
}

/// A repeated call says so: the callee's own calls are then not repeated.
fn mark_retry(info: &mut CallInfo) {
    info.set_attempt(1);
    info.metadata_mut().remove(names::ATTEMPT);
    put(info, names::ATTEMPT, "1".to_owned());
}

/// Whether a peer cut the call because its deadline passed: servers keep it too, and one that
/// resets the stream may be faster than our own timer.
pub(crate) fn is_overdue(error: &Error, deadline: Option<Instant>, now: Instant) -> bool {
    error.class() == Class::Cancelled
        && deadline.is_some_and(|at| at.saturating_duration_since(now) < FLOOR)
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nothing was sent: another node at once.
    Repick,
    /// It may have run, which the method allows: once more, on another node.
    Retry,
    /// It is what it is.
    GiveUp,
}

fn after(error: &Error, may_retry: bool) -> Next {
    match error.class() {
        Class::ConnectFailed | Class::Draining => Next::Repick,
        Class::ConnectionLost | Class::Unavailable if may_retry => Next::Retry,
        _ => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::{Idempotency, Kind};

    use super::*;

    fn info() -> CallInfo {
        let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown).unwrap();
        CallInfo::new(method, Instant::now())
    }

    #[test]
    fn each_hop_has_less_time() {
        let now = Instant::now();
        let mut call = info();
        call.set_deadline(Some(now + Duration::from_millis(300)));
        budget(&mut call, Some(Duration::from_secs(2)), now).unwrap();
        assert_eq!(call.remaining(now), Some(Duration::from_millis(298)));
    }

    #[test]
    fn without_time_nothing_is_sent() {
        let now = Instant::now();
        let mut call = info();
        call.set_deadline(Some(now + Duration::from_millis(2)));
        let error = budget(&mut call, None, now).unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
    }

    #[test]
    fn peer_that_cuts_a_call_at_its_deadline_was_not_the_one_to_cancel() {
        let (now, cut) = (Instant::now(), Error::new(Class::Cancelled, "x"));
        assert!(is_overdue(&cut, Some(now), now));
        let in_time = Some(now + Duration::from_millis(5));
        assert!(!is_overdue(&cut, in_time, now));
        assert!(!is_overdue(&cut, None, now));
        assert!(!is_overdue(&Error::not_found("x"), Some(now), now));
    }

    #[test]
    fn only_what_never_ran_is_repicked() {
        for &class in Class::ALL {
            let next = after(&Error::new(class, "x"), false);
            let expected = matches!(class, Class::ConnectFailed | Class::Draining);
            assert_eq!(next == Next::Repick, expected, "{class:?}");
            assert_ne!(next, Next::Retry, "{class:?}");
        }
        let lost = Error::new(Class::ConnectionLost, "x");
        assert_eq!(after(&lost, true), Next::Retry);
    }
}
