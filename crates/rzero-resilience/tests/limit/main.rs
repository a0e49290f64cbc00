//! Limits, through their public API.
#![expect(
    unsafe_code,
    reason = "a counting allocator implements an unsafe trait"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod alloc;
mod bulkhead;
mod concurrency;
mod gcra;
mod log;
mod period;
mod rate;
mod rates;
mod support;
