//! Chores of the rzero workspace: `cargo xtask demo | test | ci | services | bench`.
//!
//! Every chore says what it does while it does it, how long each step took, and ends with a
//! verdict and an exit code: 0 when all went well, 1 when a step failed, 2 for a wrong command
//! line. None of them asks questions or reads standard input.
//!
//! | module | chore |
//! |---|---|
//! | `demo` | the product at work, in one command |
//! | `test` | installs and starts real servers, runs every test, stops them again; with `--peers` programs of others judge the wire |
//! | `ci` | formatting, lints, docs, features one by one, tests, size of the product |
//! | `services` | real servers that stay up between runs |
//! | `bench` | the benchmarks |
//! | `attack` | attacks on a server that serves normal load at the same time |
//! | `loss` | what callers lose when instances leave, die or hang, beside go-zero's figures |
//! | `interop` | the service and client that implementations of gRPC test each other with |
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line speaks on its standard streams"
)]

mod apt;
mod attack;
mod bench;
mod cargo;
mod ci;
mod demo;
mod error;
mod interop;
mod loss;
mod peers;
mod services;
mod speaker;
mod step;
mod summary;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::{Result, chain};

/// Chores of the rzero workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo                      watch a service live through kills and restarts
  cargo xtask test                      every test, against real servers
  cargo xtask test -p rzero-etcd -- leader
                                        the tests of one crate whose names contain `leader`
  cargo xtask test --peers              programs of others judge the wire (needs Go)
  cargo xtask ci                        all that must pass before a change is merged
  cargo xtask services up               real servers for tests run by hand

Exit codes: 0 all went well, 1 something failed, 2 wrong command line.";

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run the product at work: scaffold, build, serve, call, kill, recover
    Demo(demo::DemoArgs),
    /// Run every test against real servers
    Test(test::TestArgs),
    /// Run all that must pass before a change is merged
    Ci(ci::CiArgs),
    /// Start, stop or show real servers that stay up between runs
    Services(services::ServicesArgs),
    /// Run the benchmarks
    Bench(bench::BenchArgs),
    /// Attack a server of ours that serves normal load, and measure what its neighbours notice
    Attack(attack::AttackArgs),
    /// Measure what callers lose when instances leave, die or hang
    Loss(loss::LossArgs),
    /// Serve or call the service that implementations of gRPC test each other with
    Interop(interop::InteropArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<ExitCode> {
    match chore {
        Chore::Demo(args) => demo::run(args),
        Chore::Test(args) => test::run(&args),
        Chore::Ci(args) => ci::run(&args),
        Chore::Services(args) => services::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Attack(args) => attack::run(&args),
        Chore::Loss(args) => loss::run(&args),
        Chore::Interop(args) => interop::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
