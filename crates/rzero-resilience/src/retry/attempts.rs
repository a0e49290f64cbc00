//! The state of one call, and what follows a failure.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rzero_core::{Class, Error, RetrySafety, names};
use tokio::time::Instant;

use super::deadline::FLOOR;
use super::{Budget, Policy, Withdrawal, Work};

/// Whether the request is still there to be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replay {
    /// All of it is kept.
    #[default]
    Kept,
    /// It is over the buffer: whole only as long as nothing was sent.
    IfUnsent,
    /// Parts of it are gone, as of a stream that has begun.
    Spent,
}

/// An attempt that failed, with what the decision needs to know. Made by [`Failure::new`]; then
/// set what applies.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// Why it failed.
    pub error: &'a Error,
    /// When.
    pub now: Instant,
    /// When the time of the whole call is up. Default `None`: never.
    pub deadline: Option<Instant>,
    /// What the method takes typically, default 0: an attempt that would not finish in the time
    /// left is not made.
    pub p50: Duration,
    /// Whether the request is still there. Default: it is.
    pub replay: Replay,
    /// Whether a first message of the answer has arrived, so that the caller may have seen it.
    /// Default false.
    pub answered: bool,
    /// Whether the breaker of the method is open. Default false.
    pub breaker_open: bool,
    /// Whether another node than the one that failed is ready. Default true.
    pub other_node: bool,
}

impl<'a> Failure<'a> {
    /// An attempt that failed with `error` at `now`.
    #[must_use]
    pub fn new(error: &'a Error, now: Instant) -> Self {
        Self {
            error,
            now,
            deadline: None,
            p50: Duration::ZERO,
            replay: Replay::Kept,
            answered: false,
            breaker_open: false,
            other_node: true,
        }
    }

    /// Whether an attempt that begins after `delay` can be over in the time left.
    fn has_time(&self, delay: Duration) -> bool {
        let needed = delay.saturating_add(self.p50.max(FLOOR));
        self.deadline
            .is_none_or(|at| at.saturating_duration_since(self.now) >= needed)
    }
}

/// What follows a failure. An extra attempt goes to another node than the last one when another
/// is ready.
#[derive(Debug)]
#[must_use]
pub enum Verdict<'b> {
    /// Once more, after a delay.
    Retry {
        /// How long to wait.
        after: Duration,
        /// Spent when the attempt begins; dropped before, it goes back to the budget.
        extra: Withdrawal<'b>,
    },
    /// Nothing was sent: at once, on another node.
    RePick {
        /// Spent when the attempt begins.
        extra: Withdrawal<'b>,
    },
    /// The error stands.
    GiveUp(Reason),
}

/// Why a failed call is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Repeating would be wrong or useless, or the policy does not list the failure.
    Class,
    /// It may have run, and the method is not idempotent.
    NotIdempotent,
    /// The work is done for a call that is a retry itself.
    Chain,
    /// All retries of the policy were made.
    Exhausted,
    /// The budget of the target is empty.
    Budget,
    /// Too little time is left.
    Deadline,
    /// The callee asked not to be called again, or not in the time left.
    PushBack,
    /// The breaker is open.
    Breaker,
    /// A first message of the answer has arrived.
    Answered,
    /// The request is not kept.
    NotReplayable,
}

impl Reason {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::NotIdempotent => "not_idempotent",
            Self::Chain => "chain",
            Self::Exhausted => "exhausted",
            Self::Budget => "budget",
            Self::Deadline => "deadline",
            Self::PushBack => "push_back",
            Self::Breaker => "breaker",
            Self::Answered => "answered",
            Self::NotReplayable => "not_replayable",
        }
    }
}

/// The attempts of one call.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    seed: u64,
    inherited: u8,
    retries: u8,
    repicks: u8,
    idempotent: bool,
}

#[derive(Clone, Copy)]
enum Step {
    Retry(Duration),
    RePick,
}

impl Attempts {
    /// No attempt has failed yet. `seed` is for the jitter; [`seed()`] gives one.
    #[must_use]
    pub fn new(work: &Work, seed: u64) -> Self {
        Self {
            seed,
            inherited: work.attempt,
            retries: 0,
            repicks: 0,
            idempotent: work.idempotent,
        }
    }

    /// The number that the next attempt carries: 0 for the first one, and while the work is done
    /// for a retried call at least the number of that call.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.inherited.saturating_add(self.retries)
    }

    /// Retries made so far, re-picks not counted.
    #[must_use]
    pub fn retries(&self) -> u8 {
        self.retries
    }

    /// Whether the work is done for a call that is a retry itself, so that nothing is tried twice.
    #[must_use]
    pub fn is_chained(&self) -> bool {
        self.inherited > 0
    }

    /// Whether the call may run twice.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Decides what follows the failure of an attempt. An extra attempt is taken out of `budget`.
    pub fn next<'b>(
        &mut self,
        policy: &Policy,
        budget: &'b Budget,
        failure: &Failure<'_>,
    ) -> Verdict<'b> {
        let step = match self.decide(policy, failure) {
            Ok(step) => step,
            Err(reason) => return Verdict::GiveUp(reason),
        };
        let Some(extra) = budget.withdraw(failure.now) else {
            return Verdict::GiveUp(Reason::Budget);
        };
        match step {
            Step::RePick => {
                self.repicks += 1;
                Verdict::RePick { extra }
            }
            Step::Retry(after) => {
                self.retries += 1;
                Verdict::Retry { after, extra }
            }
        }
    }

    fn decide(&self, policy: &Policy, failure: &Failure<'_>) -> Result<Step, Reason> {
        let hint = push_back(failure.error)?;
        self.is_safe(policy, failure.error, hint)?;
        if failure.answered {
            return Err(Reason::Answered);
        }
        if failure.breaker_open {
            return Err(Reason::Breaker);
        }
        let class = failure.error.class();
        let unsent = matches!(class, Class::ConnectFailed | Class::Draining);
        if unsent
            && failure.other_node
            && self.repicks < policy.max_repicks
            && failure.replay != Replay::Spent
        {
            let in_time = failure.has_time(Duration::ZERO);
            return in_time.then_some(Step::RePick).ok_or(Reason::Deadline);
        }
        if self.is_chained() {
            return Err(Reason::Chain);
        }
        match failure.replay {
            Replay::Kept => {}
            Replay::IfUnsent if unsent => {}
            Replay::IfUnsent | Replay::Spent => return Err(Reason::NotReplayable),
        }
        if self.retries >= policy.max_retries {
            return Err(Reason::Exhausted);
        }
        self.delay(policy, failure, hint).map(Step::Retry)
    }

    /// Whether the failure is one that may be repeated at all.
    fn is_safe(
        &self,
        policy: &Policy,
        error: &Error,
        hint: Option<Duration>,
    ) -> Result<(), Reason> {
        let class = error.class();
        let useful = match class {
            // A quota opens at a time that its owner knows; without it, asking again only asks.
            Class::RateLimited => hint.is_some(),
            // Only the time of one attempt may have ended before that of the call.
            Class::DeadlineExceeded => policy.attempt_timeout.is_some(),
            _ => true,
        };
        match class.retry_safety() {
            RetrySafety::Never => Err(Reason::Class),
            _ if !useful || !policy.on.contains(class) => Err(Reason::Class),
            RetrySafety::Idempotent if !self.idempotent => Err(Reason::NotIdempotent),
            RetrySafety::NothingRan | RetrySafety::Idempotent => Ok(()),
        }
    }

    fn delay(
        &self,
        policy: &Policy,
        failure: &Failure<'_>,
        hint: Option<Duration>,
    ) -> Result<Duration, Reason> {
        let mut delay = policy.delay(self.retries, random(self.seed, self.retries));
        if let Some(hint) = hint {
            let left = failure
                .deadline
                .map(|at| at.saturating_duration_since(failure.now));
            if left.is_some_and(|left| hint > left) {
                return Err(Reason::PushBack);
            }
            // An overloaded node speaks for itself alone: another one need not wait as long.
            if failure.error.class() != Class::Overloaded || !failure.other_node {
                delay = delay.max(hint);
            }
        }
        match failure.has_time(delay) {
            true => Ok(delay),
            false => Err(Reason::Deadline),
        }
    }
}

/// What the callee asks for: its retry hint, or the trailer of gRPC, in which a negative number,
/// or anything that is none, means "not again".
fn push_back(error: &Error) -> Result<Option<Duration>, Reason> {
    let trailer = error.trailers().and_then(|t| t.get(names::RETRY_PUSHBACK));
    let asked = match trailer.map(str::parse::<u64>) {
        Some(Ok(millis)) => Some(Duration::from_millis(millis)),
        Some(Err(_)) => return Err(Reason::PushBack),
        None => None,
    };
    Ok(asked.max(error.retry_after()))
}

/// A seed for the jitter of one call. Takes no lock and allocates nothing.
#[must_use]
pub fn seed() -> u64 {
    // A hasher with random keys is the standard library's only source of randomness.
    RandomState::new().hash_one(0_u8)
}

/// 0 to 1, by the finalizer of SplitMix64.
fn random(seed: u64, n: u8) -> f64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(u64::from(n) + 1));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
