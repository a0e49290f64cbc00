//! Load shedding from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers of tests are small"
)]

#[path = "../common/counting.rs"]
mod counting;

mod alloc;
mod cgroups;
mod lasting;
mod overload;
mod races;
mod rules;
mod signals;
mod support;
