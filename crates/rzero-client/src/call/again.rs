//! Whether a failed call is tried again, and the pause before it is.

use std::time::Duration;

use bytes::Bytes;
use rzero_core::{CallInfo, Error, Reply, Result};
use rzero_resilience::breaker::State;
use rzero_resilience::retry::{Attempts, Failure, Verdict, Work, seed};
use tokio::time::{Instant, sleep};

use super::attempt::{Placed, send};
use super::context::mark;
use crate::Channel;
use crate::governance::MethodState;
use crate::snapshot::Ready;

impl Channel {
    /// The attempts of a call, one after another; the first one has its place already.
    pub(super) async fn repeated(
        &self,
        state: &MethodState,
        info: &mut CallInfo,
        message: &Bytes,
        mut placed: Result<Placed>,
        limit: Option<Duration>,
        mut now: Instant,
    ) -> Result<Reply<Bytes>> {
        let mut attempts: Option<Attempts> = None;
        let mut last: Option<Error> = None;
        loop {
            let found = match placed {
                Ok(placed) => self.settle(placed, info, now).await,
                Err(error) => Err(error),
            };
            let (mut flight, begun) = match found {
                Ok(found) => found,
                // A repeated call that found nowhere to go says why it was repeated.
                Err(error) => return Err(last.unwrap_or(error)),
            };
            let (result, ended) = send(&mut flight, info, message, limit, begun).await;
            let error = match result {
                Ok(reply) => {
                    state.target.succeeded(begun, ended);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let attempts = attempts.get_or_insert_with(|| Attempts::new(&Work::of(info), seed()));
            let failed = Failed {
                error: &error,
                node: flight.node(),
                bytes: message.len(),
                now: ended,
            };
            // Boxed: only calls that failed come here, and the future of every call would be as
            // large.
            if !Box::pin(self.may_repeat(state, info, attempts, &failed, limit)).await {
                return Err(error);
            }
            mark(info, attempts.number());
            now = Instant::now();
            placed = self.place(state, info, now, Some(flight.node()));
            last = Some(error);
        }
    }

    /// Whether there is another attempt; waits until it is due.
    async fn may_repeat(
        &self,
        state: &MethodState,
        info: &CallInfo,
        attempts: &mut Attempts,
        failed: &Failed<'_>,
        limit: Option<Duration>,
    ) -> bool {
        let policy = state.rules.load().retries(limit);
        let failure = Failure {
            deadline: info.deadline(),
            p50: state.target.p50(failed.now),
            replay: policy.replay(failed.bytes),
            breaker_open: state.breaker.state() == State::Open,
            other_node: self.has_other(info, failed),
            ..Failure::new(failed.error, failed.now)
        };
        let error = failed.error;
        match attempts.next(&policy, &state.target.budget, &failure) {
            Verdict::RePick { extra } => extra.spend(),
            Verdict::Retry { after, extra } => {
                tracing::debug!(path = state.path, number = attempts.number(), ?after, %error, "will be tried again");
                sleep(after).await;
                extra.spend();
            }
            Verdict::GiveUp(reason) => {
                tracing::debug!(path = state.path, reason = reason.as_str(), %error, "gave up");
                return false;
            }
        }
        true
    }

    fn has_other(&self, info: &CallInfo, failed: &Failed<'_>) -> bool {
        let snapshot = self.0.snapshot.load();
        let group = snapshot.group(info.lane());
        group.has_other(failed.node, failed.now)
    }
}

/// An attempt that failed.
struct Failed<'a> {
    error: &'a Error,
    node: &'a Ready,
    bytes: usize,
    now: Instant,
}
