//! `services up`.

use std::path::Path;
use std::process::ExitCode;

use rzero_harness::{
    ETCD_ENV, EtcdCluster, EtcdOptions, RunFolder, ServerRecord, reclaim, records,
};

use super::state::State;
use super::{ETCD_MEMBERS, install};
use crate::error::Result;
use crate::step::Steps;

/// Installs what is missing and starts the servers, unless they run.
pub(super) fn run() -> Result<ExitCode> {
    let state = State::lock()?;
    let mut steps = Steps::new("services up");
    if steps.run("install packages", install).is_none() {
        return Ok(steps.verdict());
    }
    if let Some(servers) = steps.run("start etcd", || start(&state)) {
        let endpoints: Vec<String> = servers
            .iter()
            .map(|server| server.endpoint.to_string())
            .collect();
        println!("export {ETCD_ENV}={}", endpoints.join(","));
    }
    Ok(steps.verdict())
}

fn start(state: &State) -> Result<Vec<ServerRecord>> {
    if let Some(folder) = state.folder()? {
        let servers = records(&folder)?;
        if all_serve(&servers, &folder) {
            println!("    already up: {}", folder.display());
            return Ok(servers);
        }
        let outcome = reclaim(&folder)?;
        println!(
            "    cleaned up after an earlier run: {} servers killed, {} had ended",
            outcome.killed, outcome.gone
        );
    }
    let folder = RunFolder::lasting()?;
    state.set(folder.path())?;
    let etcd = match EtcdCluster::start_in(folder, EtcdOptions::new(ETCD_MEMBERS)) {
        Ok(etcd) => etcd,
        Err(error) => {
            // The servers that did start died with their guard.
            state.clear()?;
            return Err(error.into());
        }
    };
    for member in etcd.members() {
        let pid = member.pid().unwrap_or_default();
        println!(
            "    {}  {}  process {pid}",
            member.name(),
            member.endpoint()
        );
    }
    Ok(records(&etcd.detach())?)
}

fn all_serve(servers: &[ServerRecord], folder: &Path) -> bool {
    servers.len() == ETCD_MEMBERS
        && servers
            .iter()
            .all(|server| server.runs_in(folder) && server.is_healthy())
}
