//! What each policy costs a call.
//!
//! All subjects take turns, in short slices, again and again, beginning with another one each time,
//! so that what the machine does meanwhile meets all alike. On two threads the same subject runs
//! on both, and the figure is the time of one of them. Slices are printed as they are; whoever
//! reads them takes differences within a round.

mod client;
mod echo;
mod parts;
mod server;
mod turns;

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::Result;
use turns::Plan;

/// Nodes behind the channels, and candidates of a pick alone.
const NODES: usize = 10;
const CANDIDATES: usize = 100;
/// Calls in flight of an echo over loopback, for each thread.
const CALLERS: u64 = 16;

/// Measures everything.
pub(crate) fn run(quick: bool) -> Result<Value> {
    let plan = if quick { Plan::QUICK } else { Plan::FULL };
    // Channels and servers have tasks of their own; they sleep while calls are measured.
    let background = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut subjects = server::subjects(&background)?;
    subjects.extend(client::subjects(&background)?);
    subjects.extend(parts::subjects());
    subjects.push(echo::subject()?);
    let rows = turns::measure(&subjects, &plan)?;
    Ok(json!({
        "rows": rows,
        "slice_ms": plan.slice.as_millis(),
        "nodes": NODES,
        "candidates": CANDIDATES,
        "callers": CALLERS,
    }))
}

/// A runtime for the calls of one thread.
fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_time().build()?)
}
