//! The local back end, seen from outside and by several processes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod faults;
mod scale;
mod suite;
mod support;
