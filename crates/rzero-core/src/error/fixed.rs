//! Errors that are known when the program is compiled, and what may be said beside them.

use std::fmt;
use std::time::Duration;

use super::Class;

/// An error that is known when the program is compiled.
#[derive(Debug)]
pub struct Fixed {
    pub(super) class: Class,
    pub(super) message: &'static str,
}

impl Fixed {
    /// An error of `class` with a fixed message.
    #[must_use]
    pub const fn new(class: Class, message: &'static str) -> Self {
        Self { class, message }
    }
}

impl std::error::Error for Fixed {}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.reason(), self.message)
    }
}

/// What is known about a fixed error beside its text; it fits between the two words of an
/// [`Error`](super::Error).
#[derive(Clone, Copy)]
pub(super) struct Notes {
    /// Whether a client call of this process gave it.
    pub(super) relayed: bool,
    /// How long to wait before a retry, in ms; [`NO_HINT`] when that was not said.
    retry_ms: u32,
}

const NO_HINT: u32 = u32::MAX;

impl Notes {
    pub(super) const NONE: Self = Self {
        relayed: false,
        retry_ms: NO_HINT,
    };

    pub(super) fn relayed(self) -> Self {
        let relayed = true;
        Self { relayed, ..self }
    }

    pub(super) fn retry_after(self) -> Option<Duration> {
        (self.retry_ms != NO_HINT).then(|| Duration::from_millis(self.retry_ms.into()))
    }

    /// With a hint in whole milliseconds, rounded up; `None` when it is longer than 49 days.
    pub(super) fn with_retry_after(self, wait: Duration) -> Option<Self> {
        let ms = wait.as_nanos().div_ceil(1_000_000);
        let retry_ms = u32::try_from(ms).ok().filter(|ms| *ms != NO_HINT)?;
        Some(Self { retry_ms, ..self })
    }
}
