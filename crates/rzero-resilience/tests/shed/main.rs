//! Load shedding from outside.
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers of tests are small"
)]

mod cgroups;
mod overload;
mod races;
mod rules;
mod signals;
mod support;
