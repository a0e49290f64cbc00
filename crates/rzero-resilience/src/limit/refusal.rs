//! Refusals.

use std::time::Duration;

use rzero_core::{Class, Error, Fixed};

use crate::push_back::push_back;

static QUOTA: Fixed = Fixed::new(Class::RateLimited, "the quota of this caller is used up");
static BUSY: Fixed = Fixed::new(Class::Overloaded, "too many calls at once");
static QUEUE: Fixed = Fixed::new(Class::Overloaded, "too many wait for this bulkhead");
static WAITED: Fixed = Fixed::new(Class::Overloaded, "waited too long for this bulkhead");
static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "time ran out in the queue of a bulkhead",
);

/// A rate is used up until `retry_after` from now; [`Duration::MAX`] when it will never do.
pub(super) fn rate_limited(retry_after: Duration) -> Error {
    let error = Error::fixed(&QUOTA);
    match retry_after {
        Duration::MAX => error,
        wait => error.with_retry_after(wait),
    }
}

/// The refusal number `nth` of a limit, to be tried again after 1 to 2 s.
#[cold]
pub(super) fn too_many_at_once(nth: u64) -> Error {
    Error::fixed(&BUSY).with_retry_after(push_back(nth))
}

pub(super) const fn queue_full() -> Error {
    Error::fixed(&QUEUE)
}

pub(super) const fn waited_too_long() -> Error {
    Error::fixed(&WAITED)
}

pub(super) const fn deadline_passed() -> Error {
    Error::fixed(&LATE)
}
