//! The chain around every call, called as a wire calls it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

#[path = "../../../rzero-resilience/tests/common/counting.rs"]
mod counting;

mod alloc;
mod callers;
mod deadlines;
mod permits;
mod shared_rates;
mod support;
