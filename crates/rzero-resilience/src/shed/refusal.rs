//! The answer to a call that is shed.

use rzero_core::{Class, Error, Fixed};

use crate::push_back::push_back;

/// Why a call was shed: the label `reason` of `rz_shed_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// CPU use is at its threshold.
    Cpu,
    /// The memory level is 3.
    Memory,
    /// Calls wait too long before they are admitted.
    Queue,
    /// A pool is exhausted.
    Pool,
    /// No signal any more, but less than a second ago there was one, calls were shed, and there
    /// are still too many in flight.
    Inflight,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Cpu,
        Self::Memory,
        Self::Queue,
        Self::Pool,
        Self::Inflight,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Queue => "queue",
            Self::Pool => "pool",
            Self::Inflight => "inflight",
        }
    }

    const fn fixed(self) -> &'static Fixed {
        match self {
            Self::Cpu => &CPU,
            Self::Memory => &MEMORY,
            Self::Queue => &QUEUE,
            Self::Pool => &POOL,
            Self::Inflight => &INFLIGHT,
        }
    }
}

const fn overloaded(message: &'static str) -> Fixed {
    Fixed::new(Class::Overloaded, message)
}

static CPU: Fixed = overloaded("the server is overloaded: cpu");
static MEMORY: Fixed = overloaded("the server is overloaded: memory");
static QUEUE: Fixed = overloaded("the server is overloaded: queue");
static POOL: Fixed = overloaded("the server is overloaded: pool");
static INFLIGHT: Fixed = overloaded("the server is overloaded: inflight");

/// The refusal number `nth`: class Overloaded, to be tried again after 1 to 2 s.
#[cold]
pub(super) fn refusal(reason: Reason, nth: u64) -> Error {
    Error::fixed(reason.fixed()).with_retry_after(push_back(nth))
}
