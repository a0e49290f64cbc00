//! Limits, through their public API.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

#[path = "../common/counting.rs"]
mod counting;

mod alloc;
mod bulkhead;
mod concurrency;
mod gcra;
mod log;
mod period;
mod rate;
mod rates;
mod support;
