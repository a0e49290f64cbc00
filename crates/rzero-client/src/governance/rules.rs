//! What the policies say about one method, compiled.

use std::time::Duration;

use rzero_core::{CallInfo, Class, Error, Fixed};
use rzero_policy::{MethodPolicy, Policies, Scope, Side};
use rzero_resilience::breaker;
use rzero_resilience::retry::deadline::{FLOOR, HOP_COST};
use rzero_resilience::retry::{Hedge, Policy, latency::Latency};
use tokio::time::Instant;

static NO_TIME: Fixed = Fixed::new(Class::DeadlineExceeded, "no time is left for the call");

/// With fewer answers in its window nothing is known about how long a method takes.
const CALLS_MIN: u64 = 20;
/// How often the 95th percentile of a method has to fit into half the time of a call before that
/// is taken for enough.
const MARGIN: u32 = 2;

/// What the policies say about one method of a target. Plain values, replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Time of a unary call, retries included.
    timeout: Option<Duration>,
    /// Time of a stream, to its last message.
    stream_timeout: Option<Duration>,
    pub(crate) retry: Policy,
    pub(crate) hedge: Hedge,
    pub(crate) breaker: breaker::Settings,
}

impl Rules {
    /// The rules of the method at `path` of the target `name`; `timeout` is that of the client.
    pub(crate) fn of(policies: &Policies, name: &str, path: &str, timeout: Duration) -> Self {
        let policy = policies.method(Side::Client, Scope::Target(name), path);
        let MethodPolicy {
            retry,
            hedge,
            breaker,
            ..
        } = policy;
        Self {
            timeout: match policy.timeout {
                Some(own) => own.time(),
                None => Some(timeout),
            },
            stream_timeout: policy.stream_timeout.and_then(|own| own.time()),
            retry,
            hedge,
            breaker,
        }
    }

    /// Sets the deadline of a call: what is left of the caller's budget less a hop, or the time
    /// that the call or its method has, whichever ends first. With too little left nothing is
    /// sent.
    pub(crate) fn budget(
        &self,
        call: &mut CallInfo,
        own: Option<Duration>,
        now: Instant,
    ) -> Result<(), Error> {
        let usual = match call.method().kind().is_stream() {
            true => self.stream_timeout,
            false => self.timeout,
        };
        let limit = own.or(usual).and_then(|limit| now.checked_add(limit));
        let inherited = call.deadline();
        let inherited = inherited.map(|at| at.checked_sub(HOP_COST).unwrap_or(now));
        let deadline = earlier(inherited, limit);
        if deadline.is_some_and(|at| at.saturating_duration_since(now) < FLOOR) {
            return Err(Error::fixed(&NO_TIME));
        }
        call.set_deadline(deadline);
        Ok(())
    }

    /// The time of one attempt of `call`, when it is less than that of the call.
    ///
    /// Where nobody set one, an idempotent call whose method is known to need much less gives its
    /// first attempt half of its time: so one node that hangs costs the caller time and not the
    /// answer.
    pub(crate) fn attempt_timeout(
        &self,
        call: &CallInfo,
        latency: &Latency,
        now: Instant,
    ) -> Option<Duration> {
        if self.retry.attempt_timeout.is_some() {
            return self.retry.attempt_timeout;
        }
        let retried = self.retry.max_retries > 0 && call.is_idempotent() && call.attempt() == 0;
        let half = retried.then(|| call.remaining(now)).flatten()? / 2;
        let known = latency.summary(now);
        (known.calls >= CALLS_MIN && known.p95 * MARGIN <= half).then_some(half)
    }

    /// The rules of retries of a call whose attempts have `limit`.
    pub(crate) fn retries(&self, limit: Option<Duration>) -> Policy {
        Policy {
            attempt_timeout: limit,
            ..self.retry
        }
    }

    /// Whether a call may get a second attempt beside a slow first one.
    #[inline]
    pub(crate) fn hedges(&self, call: &CallInfo) -> bool {
        self.hedge.enabled && call.is_idempotent() && call.attempt() == 0
    }
}

/// The earlier of two ends, of which either may be none.
#[inline]
pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::{Idempotency, Kind, Method};
    use rzero_resilience::retry::latency::WINDOW;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn call(idempotency: Idempotency) -> CallInfo {
        let method = Method::dynamic("/a.B/C", Kind::Unary, idempotency).unwrap();
        CallInfo::new(method, Instant::now())
    }

    fn rules() -> Rules {
        Rules::of(&Policies::default(), "b", "/a.B/C", 2000 * MS)
    }

    #[test]
    fn each_hop_has_less_time() {
        let now = Instant::now();
        let mut call = call(Idempotency::Unknown);
        call.set_deadline(Some(now + 300 * MS));
        rules().budget(&mut call, None, now).unwrap();
        assert_eq!(call.remaining(now), Some(298 * MS));
        rules().budget(&mut call, Some(50 * MS), now).unwrap();
        assert_eq!(call.remaining(now), Some(50 * MS));
    }

    #[test]
    fn without_time_nothing_is_sent() {
        let now = Instant::now();
        let mut call = call(Idempotency::Unknown);
        call.set_deadline(Some(now + 2 * MS));
        let error = rules().budget(&mut call, None, now).unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
    }

    #[test]
    fn half_of_the_time_is_for_the_first_attempt_of_what_is_known_to_be_quick() {
        let now = Instant::now();
        let mut safe = call(Idempotency::NoSideEffects);
        rules().budget(&mut safe, None, now).unwrap();
        let mut unsafe_ = call(Idempotency::Unknown);
        rules().budget(&mut unsafe_, None, now).unwrap();
        for (millis, half) in [(10, true), (400, true), (700, false)] {
            let latency = Latency::new(WINDOW, now);
            assert_eq!(rules().attempt_timeout(&safe, &latency, now), None);
            (0..30).for_each(|_| latency.record(millis * MS, now));
            let later = now + WINDOW / 50;
            let limit = rules().attempt_timeout(&safe, &latency, later);
            assert_eq!(limit.is_some(), half, "{millis}");
            assert_eq!(rules().attempt_timeout(&unsafe_, &latency, later), None);
        }
    }
}
