//! How a call ended, as policies see it.

use crate::{Class, Error, Fault};

/// How a call ended: fine, or with an error of a class. One byte; made once per call by the
/// adapter and shared by every policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(Option<Class>);

impl Outcome {
    /// The call succeeded.
    pub const OK: Self = Self(None);
    /// The caller went away; counts neither as success nor as failure.
    pub const CANCELLED: Self = Self(Some(Class::Cancelled));

    /// The call ended with an error of `class`.
    #[must_use]
    pub const fn failed(class: Class) -> Self {
        Self(Some(class))
    }

    /// The outcome of a result.
    #[must_use]
    pub fn of<T>(result: &Result<T, Error>) -> Self {
        Self(result.as_ref().err().map(Error::class))
    }

    /// The class of the error, when there was one.
    #[must_use]
    pub const fn class(self) -> Option<Class> {
        self.0
    }

    /// Whether the callee is not to blame: success, or a mistake of the caller.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self.0.is_none_or(|class| class.fault() == Fault::Caller)
    }

    /// Whether a breaker counts it as a failure.
    #[must_use]
    pub fn counts_for_breaker(self) -> bool {
        self.0.is_some_and(Class::counts_for_breaker)
    }
}
