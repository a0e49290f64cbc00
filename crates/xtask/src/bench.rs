//! `cargo xtask bench`: the benchmarks.

use std::process::ExitCode;

use clap::Args;

use crate::cargo::{cargo, check, packages};
use crate::error::Result;
use crate::step::Steps;

const PACKAGE: &str = "rzero-benches";

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench                     every benchmark
  cargo xtask bench -- unary            those whose names contain `unary`")]
pub(crate) struct BenchArgs {
    /// Arguments for the benchmark programs
    #[arg(last = true, value_name = "ARG")]
    rest: Vec<String>,
}

/// Runs `cargo xtask bench`.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    if !packages()?.iter().any(|package| package.name == PACKAGE) {
        return Err(format!("this workspace has no package `{PACKAGE}` yet").into());
    }
    let mut steps = Steps::new("bench");
    steps.run("run benchmarks", || {
        check(cargo(["bench", "--package", PACKAGE, "--"]).args(&args.rest))
    });
    Ok(steps.verdict())
}
