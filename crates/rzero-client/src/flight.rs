//! A call in flight, as everybody sees it who counts: its node, and the breaker of its method.

use std::sync::Arc;

use rzero_balance::Started;
use rzero_core::{Class, Error, Outcome};
use rzero_resilience::breaker::Pass;
use tokio::time::Instant;

use crate::snapshot::Ready;

/// A call in flight on a node. Dropped unfinished it counts as cancelled, but as a failure while
/// the thread panics, and as a timeout when its time has passed.
pub(crate) struct Flight {
    node: Arc<Ready>,
    started: Option<Started>,
    pass: Option<Pass>,
    /// When its time is up.
    pub(crate) deadline: Option<Instant>,
}

impl Flight {
    pub(crate) fn begin(node: Arc<Ready>, pass: Pass, now: Instant) -> Self {
        Self {
            started: Some(node.stats.begin(now)),
            node,
            pass: Some(pass),
            deadline: None,
        }
    }

    #[inline]
    pub(crate) fn node(&self) -> &Arc<Ready> {
        &self.node
    }

    /// The call ended.
    #[inline]
    pub(crate) fn finish(&mut self, outcome: Outcome, now: Instant) {
        if let Some(pass) = self.pass.take() {
            pass.finish(outcome, now);
        }
        if let Some(started) = self.started.take() {
            let streak = self.node.stats.finish(started, outcome, now);
            self.node.lookout.consider(streak);
        }
    }

    /// The call failed with `error`, which may ask for a pause.
    pub(crate) fn fail(&mut self, error: &Error, now: Instant) {
        self.node.stats.heed(error, now);
        self.finish(Outcome::failed(error.class()), now);
    }

    /// The stream ended, with an error or without.
    pub(crate) fn finish_stream(&mut self, end: Result<(), &Error>, now: Instant) {
        let outcome = match end {
            Ok(()) => Outcome::OK,
            Err(error) => {
                self.node.stats.heed(error, now);
                Outcome::failed(error.class())
            }
        };
        if let Some(pass) = self.pass.take() {
            pass.finish(outcome, now);
        }
        if let Some(started) = self.started.take() {
            let streak = self.node.stats.finish_stream(started, outcome);
            self.node.lookout.consider(streak);
        }
    }

    /// The call was not sent after all, or nobody wants it any more.
    pub(crate) fn abandon(&mut self) {
        drop(self.pass.take());
        if let Some(started) = self.started.take() {
            self.node.stats.abandon(started);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.started.is_none() {
            return;
        }
        // Whoever waits with a timer of his own may be a moment faster than ours. While the thread
        // panics the pass counts a failure by itself.
        if let Some(at) = self.deadline.filter(|_| !std::thread::panicking()) {
            let now = Instant::now();
            if at <= now {
                return self.finish(Outcome::failed(Class::DeadlineExceeded), now);
            }
        }
        self.abandon();
    }
}
