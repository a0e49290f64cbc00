//! Limits whose state is in Redis, so that all processes share it.
//!
//! No clock but the server's counts: a process whose clock is wrong is limited as all others are.

mod away;
mod gcra;
mod key;
mod leases;
mod period;
mod rates;
mod rules;

pub use leases::{DistributedConcurrency, Lease, LeaseConfig};
pub use period::DistributedPeriod;
pub use rates::{Checked, DistributedRates};
pub use rules::RateStats;
