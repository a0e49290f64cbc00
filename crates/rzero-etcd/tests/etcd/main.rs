//! The etcd registry against real clusters.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod access;
mod centre;
mod drill;
mod faults;
mod layout;
mod scale;
mod suite;
