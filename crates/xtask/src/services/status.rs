//! `services status`.

use std::process::ExitCode;

use rzero_harness::records;

use super::state::State;
use crate::error::Result;

/// Prints the servers; succeeds only if there are some and all of them are healthy.
pub(super) fn run() -> Result<ExitCode> {
    let state = State::lock()?;
    let Some(folder) = state.folder()? else {
        println!("services: nothing is up; `cargo xtask services up` starts them");
        return Ok(ExitCode::FAILURE);
    };
    let servers = records(&folder)?;
    let mut healthy = 0;
    for server in &servers {
        let verdict = match (server.runs_in(&folder), server.is_healthy()) {
            (false, _) => "has ended",
            (true, false) => "runs, does not answer",
            (true, true) => "healthy",
        };
        healthy += usize::from(verdict == "healthy");
        println!(
            "{}  {}  process {}  {verdict}",
            server.name, server.endpoint, server.pid
        );
    }
    println!(
        "services: {healthy} of {} healthy in {}",
        servers.len(),
        folder.display()
    );
    let all = !servers.is_empty() && healthy == servers.len();
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
