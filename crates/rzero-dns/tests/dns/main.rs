//! The DNS registry against a real name server on a loopback address.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod answers;
mod faults;
mod server;
mod support;
mod times;
