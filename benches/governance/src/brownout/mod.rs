//! A client among nodes that are slow, failing or gone, in simulated time: real channels, so the
//! real balancer, ejection, retries, budget and breaker, above nodes that are made up.
//!
//! A node answers after 5 ms and an exponential part with a mean of 5 ms, however many calls it
//! has: what is shown is where calls go, not how servers queue. Calls are idempotent and arrive
//! evenly; the trouble begins after a warm-up and lasts, so its first moments count.

mod fleet;
mod scenario;

use serde_json::{Value, json};

use crate::Result;
use scenario::{ALL, Times};

/// Simulates every scenario.
pub(crate) fn run(quick: bool) -> Result<Value> {
    let times = if quick { Times::QUICK } else { Times::FULL };
    let mut rows = Vec::new();
    for scenario in ALL {
        for mode in scenario.modes {
            rows.push(scenario.play(mode, times)?.json(scenario, mode, times));
        }
    }
    Ok(json!({
        "rows": rows,
        "warm_up_s": times.warm_up.as_secs(),
        "trouble_s": times.trouble.as_secs(),
    }))
}
