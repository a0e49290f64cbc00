//! Real servers that stay up between runs: `cargo xtask services up | down | status`.
//!
//! Each checkout has its own servers, on ports of their own. Their folder lies with the system's
//! temporary files and is noted under the checkout's target folder *before* a server starts in
//! it, so that a run that was killed half way is cleaned up by the next one.

mod down;
mod state;
mod status;
mod up;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rzero_harness::Program;

use crate::apt;
use crate::error::Result;

/// Members of the etcd cluster: the smallest that survives the loss of one.
pub(crate) const ETCD_MEMBERS: usize = 3;

/// Options of `cargo xtask services`.
#[derive(Debug, Args)]
pub(crate) struct ServicesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Install what is missing and start the servers, unless they run
    #[command(after_help = "\
Examples:
  cargo xtask services up               start, and print the line to export
  eval \"$(cargo xtask services up | grep ^export)\"
                                        start, and let `cargo test` in this shell use them")]
    Up,
    /// Stop the servers and remove their folder
    #[command(after_help = "Example:\n  cargo xtask services down")]
    Down,
    /// Show the servers; exit code 0 only if all of them are healthy
    #[command(after_help = "Example:\n  cargo xtask services status && cargo test")]
    Status,
}

/// Runs `cargo xtask services`.
pub(crate) fn run(args: &ServicesArgs) -> Result<ExitCode> {
    match args.action {
        Action::Up => up::run(),
        Action::Down => down::run(),
        Action::Status => status::run(),
    }
}

/// Installs the packages that tests and their builds need.
pub(crate) fn install() -> Result<()> {
    apt::ensure(&[
        Program::ETCD,
        Program::ETCDCTL,
        Program::PROTOC,
        Program::PROTOC_INCLUDES,
        // Tests that need Redis start servers of their own: that takes less than a tenth of a second.
        Program::REDIS,
        Program::REDIS_CLI,
    ])
}
