//! `cargo xtask bench`: the benchmarks.

pub(crate) mod instructions;
mod rpc;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cargo::{cargo, check, packages};
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
    /// Instructions that the hot path takes, against accepted figures
    Instructions(instructions::InstructionsArgs),
}

/// Runs `cargo xtask bench`.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    match &args.what {
        Some(What::Rpc(args)) => return rpc::run(args),
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
