//! What is tried, and one try of it.

use std::time::Duration;

use rzero_core::{Ambient, CallInfo};
use tokio::time::Instant;

/// What is known about work before its first attempt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// When its time is up, all attempts together. Default `None`: never.
    pub deadline: Option<Instant>,
    /// Whether it may run twice without harm. Default false.
    pub idempotent: bool,
    /// Retry number of the call that it is done for; 1 or more switches retries and hedging off.
    pub attempt: u8,
    /// What it takes typically, default 0: with less time left it is not tried again.
    pub p50: Duration,
}

impl Work {
    /// Work for the call that this task works for: its deadline and retry number. Outside of a
    /// call there is neither.
    #[must_use]
    pub fn current() -> Self {
        Ambient::with(|ambient| Self {
            deadline: ambient.deadline,
            attempt: ambient.attempt,
            ..Self::default()
        })
        .unwrap_or_default()
    }

    /// An outgoing call, not yet sent: its deadline, its retry number as inherited, and whether it
    /// is idempotent.
    #[must_use]
    pub fn of(call: &CallInfo) -> Self {
        Self {
            deadline: call.deadline(),
            idempotent: call.is_idempotent(),
            attempt: call.attempt(),
            p50: Duration::ZERO,
        }
    }

    /// The same work, which may run twice without harm.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The same work, over by `deadline` at the latest.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |known| known.min(deadline)));
        self
    }

    /// The same work, which takes `p50` typically.
    #[must_use]
    pub fn taking(mut self, p50: Duration) -> Self {
        self.p50 = p50;
        self
    }
}

/// Which of the attempts that run beside each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that began first, with its retries.
    #[default]
    First,
    /// The one that was sent beside it because it was slow.
    Hedge,
}

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Retry number, 0 for the first attempt: what an outgoing call carries as its own
    /// ([`CallInfo::set_attempt`]).
    pub number: u8,
    /// Whether it is the hedge of another one, which goes to another node.
    pub side: Side,
    /// Attempts made before it on its side, re-picks included.
    pub before: u8,
    /// When its time is up.
    pub deadline: Option<Instant>,
}
