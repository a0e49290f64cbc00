//! What the end of a call says about the node it ran on.

use rzero_core::{Class, Outcome, RetrySafety};

/// What the end of a call says about the node it ran on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The node answered, be it with a mistake of the caller.
    Good,
    /// It answered that it lacks the method: alive, but deployed differently. Tells only when it
    /// is compared with its peers.
    Missing,
    /// It failed.
    Failed,
    /// It did not answer in time.
    TimedOut,
    /// Nothing is known: the call never ran, was refused for load, or was given up.
    Silent,
}

impl Verdict {
    /// Refusals for load never eject, and a failed connect is left to the connection's back-off.
    pub(crate) fn of(outcome: Outcome) -> Self {
        let Some(class) = outcome.class() else {
            return Self::Good;
        };
        match class {
            Class::Cancelled | Class::BreakerOpen | Class::ExpiredInQueue => Self::Silent,
            Class::Unimplemented => Self::Missing,
            Class::DeadlineExceeded => Self::TimedOut,
            _ if class.retry_safety() == RetrySafety::NothingRan => Self::Silent,
            _ if class.counts_for_outlier() => Self::Failed,
            _ => Self::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_that_counts_is_a_failure_but_connecting() {
        for &class in Class::ALL {
            let counts = matches!(
                Verdict::of(Outcome::failed(class)),
                Verdict::Failed | Verdict::TimedOut
            );
            let want = class.counts_for_outlier() && class != Class::ConnectFailed;
            assert_eq!(counts, want, "{class}");
        }
        let overloaded = Outcome::failed(Class::Overloaded);
        assert_eq!(Verdict::of(overloaded), Verdict::Silent);
    }
}
