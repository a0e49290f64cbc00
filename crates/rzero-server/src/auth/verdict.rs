//! What a kind says about a call.

use std::sync::Arc;

use rzero_core::{Class, Error, Fixed, Identity};

/// What a kind says about a call.
pub(super) enum Verdict {
    /// The call is let in; without an identity when nobody could be asked and that is allowed.
    Accepted(Option<Arc<Identity>>),
    Refused(Refusal),
    /// Somebody has to be asked.
    Ask,
}

impl Verdict {
    pub(super) fn missing(error: &'static Fixed) -> Self {
        Self::Refused(Refusal::new(Rank::Missing, Error::fixed(error)))
    }

    pub(super) fn wrong(error: &'static Fixed) -> Self {
        Self::Refused(Refusal::new(Rank::Wrong, Error::fixed(error)))
    }

    /// Nobody could tell; the cause is for the log.
    pub(super) fn unknown(cause: Error) -> Self {
        let error = Error::unavailable(UNCHECKED).with_source(cause);
        Self::Refused(Refusal::new(Rank::Unchecked, error))
    }
}

static NOTHING: Fixed = Fixed::new(
    Class::Unauthenticated,
    "no credential is shown of a kind that this method takes",
);

const UNCHECKED: &str = "the credential cannot be checked now";

/// Why a kind does not let a call in.
pub(super) struct Refusal {
    rank: Rank,
    pub(super) error: Error,
}

/// Which of several refusals the caller is told: the one that says most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The call did not show this kind of credential.
    Missing,
    /// It is no good.
    Wrong,
    /// It is good, but not for this.
    Denied,
    /// It may be good: the caller may try again.
    Unchecked,
}

impl Refusal {
    pub(super) fn new(rank: Rank, error: Error) -> Self {
        Self { rank, error }
    }

    /// The same for callers that had a choice: none of it was shown.
    pub(super) fn of_any(self) -> Self {
        match self.rank {
            Rank::Missing => Self::new(Rank::Missing, Error::fixed(&NOTHING)),
            _ => self,
        }
    }

    /// A refusal of the user's.
    pub(super) fn of(error: Error) -> Self {
        let rank = match error.class() {
            Class::PermissionDenied => Rank::Denied,
            _ => Rank::Wrong,
        };
        Self::new(rank, error)
    }

    /// The one that says more; the first of equals.
    pub(super) fn or(self, later: Self) -> Self {
        match later.rank > self.rank {
            true => later,
            false => self,
        }
    }
}
