//! How much of the CPU time that the process may use it does use.
//!
//! Measured is the process's own control group, found through `/proc/self/cgroup` (version 2,
//! version 1, and both at once), against the CPUs that it may use: the smaller of its affinity and
//! the tightest quota among its group and their ancestors. Where the group does not account CPU
//! time, the process's own time in `/proc/self/stat` stands in.

mod group;
mod read;
mod sampler;
mod smooth;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Signals;

pub use read::Unreadable;
pub use sampler::{CpuSampler, Sample};
pub use smooth::Smoothed;

/// Time between two samples.
pub const INTERVAL: Duration = Duration::from_millis(250);

/// Samples for ever, each [`INTERVAL`], and tells `signals`. A failing sample is reported there
/// and tried again at the next.
///
/// Files of `/proc` and the control group are read in place: the kernel makes them up in
/// microseconds, and a blocking pool would be the first thing that an overloaded process waits
/// for.
///
/// # Cancel safety
/// Safe: drop it to stop. The signal then counts as unreadable after 5 s.
pub async fn run(mut sampler: CpuSampler, signals: Arc<Signals>) -> Infallible {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        sampler.report(&signals, Instant::now());
    }
}
