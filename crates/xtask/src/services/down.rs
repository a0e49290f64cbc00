//! `services down`.

use std::process::ExitCode;

use rzero_harness::reclaim;

use super::state::State;
use crate::error::Result;
use crate::step::Steps;

/// Stops the servers and removes their folder and the note about them.
pub(super) fn run() -> Result<ExitCode> {
    let state = State::lock()?;
    let mut steps = Steps::new("services down");
    steps.run("stop servers", || {
        let Some(folder) = state.folder()? else {
            println!("    nothing is up");
            return Ok(());
        };
        // Their data is removed with them, so there is nothing to end in order.
        let outcome = reclaim(&folder)?;
        println!(
            "    {} servers stopped, {} had ended",
            outcome.killed, outcome.gone
        );
        state.clear()
    });
    Ok(steps.verdict())
}
