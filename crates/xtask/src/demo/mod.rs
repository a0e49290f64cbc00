//! The product at work, in one command.

use std::process::ExitCode;

use crate::error::Result;

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

/// Runs the demo.
pub(crate) fn run(_args: DemoArgs) -> Result<ExitCode> {
    Err("the demo is not built yet".into())
}
