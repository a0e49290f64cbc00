//! The harness against real etcd members.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod crash;
mod faults;
mod start;
mod support;
mod tls;
