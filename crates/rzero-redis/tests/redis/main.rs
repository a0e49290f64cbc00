//! The client and its limits against real servers.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod client;
mod cluster;
mod leases;
mod outage;
mod period;
mod rates;
mod sentinel;
mod support;
