//! `cargo xtask bench`: the benchmarks.

mod chart;
mod figure;
mod governance;
pub(crate) mod instructions;
mod rpc;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Args, Subcommand};
use rzero_harness::find_program;

use crate::cargo::{cargo, check, packages, target};
use crate::error::Result;
use crate::step::Steps;

const PACKAGE: &str = "rzero-benches";

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  cargo xtask bench                     the benchmarks inside one process
  cargo xtask bench -- unary            those whose names contain `unary`
  cargo xtask bench rpc --quick         calls over loopback, against other frameworks
  cargo xtask bench governance --quick  what policies cost, and what they do under overload
  cargo xtask bench instructions        what the hot path costs, against accepted figures"
)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Arguments for the benchmark programs
    #[arg(last = true, value_name = "ARG")]
    rest: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Calls between processes over loopback, against other frameworks
    Rpc(rpc::RpcArgs),
    /// What policies cost, and what they do under overload and while nodes fail
    Governance(governance::GovernanceArgs),
    /// Instructions that the hot path takes, against accepted figures
    Instructions(instructions::InstructionsArgs),
}

/// Runs `cargo xtask bench`.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    match &args.what {
        Some(What::Rpc(args)) => return rpc::run(args),
        Some(What::Governance(args)) => return governance::run(args),
        Some(What::Instructions(args)) => return instructions::run(args),
        None => {}
    }
    if !packages()?.iter().any(|package| package.name == PACKAGE) {
        return Err(format!("this workspace has no package `{PACKAGE}` yet").into());
    }
    let mut steps = Steps::new("bench");
    steps.run("run benchmarks", || {
        check(cargo(["bench", "--package", PACKAGE, "--"]).args(&args.rest))
    });
    Ok(steps.verdict())
}

/// The folder for results.
fn results() -> Result<PathBuf> {
    let folder = target().join("rz-results");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// The same command at a low priority.
fn polite(command: Command) -> Command {
    if find_program("nice").is_none() {
        return command;
    }
    let mut polite = Command::new("nice");
    polite.args(["-n", "15"]).arg(command.get_program());
    polite.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        polite.current_dir(folder);
    }
    polite
}
