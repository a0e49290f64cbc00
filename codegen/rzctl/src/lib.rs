//! The rzero command line.
//!
//! ```text
//! $ rzctl new service greeter                                   # writes a service that runs
//! $ rzctl gen                                                   # after the contract changed
//! $ rzctl ps                                                    # who is registered where
//! $ rzctl call greeter.Greeter/SayHello '{"name":"Li"}'         # by name, through balancing
//! ```
//!
//! The one idea: a command is a function from parsed arguments to an [`Exit`]. What it has to say
//! goes through one console, which knows whether a person or a program reads it, and what went
//! wrong is a failure with a text, a way out and an exit code.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | all is well |
//! | 1 | the gate or the call failed: generated code is stale, the service answered an error |
//! | 2 | the run broke: a file could not be written, the registry could not be read |
//! | 3 | bad input: usage, names, contracts, configuration |
//! | 4 | inconclusive: nothing could be said either way |
//!
//! # Features
//!
//! - `etcd`: finds services in etcd. Off by default; its client needs `protoc` to build.
//!
//! What this crate does not do: it neither writes code (`rzero-codegen`) nor reads contracts
//! (`rzero-idl`) nor speaks a wire (`rzero`); it puts them behind arguments.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod console;
mod exit;
mod failure;
mod json;
mod link;
mod progress;
mod project;
mod report;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use exit::Exit;

use cli::Cli;
use console::Console;

/// Runs the program with its arguments, the first of which is its own name, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to tell when standard error is gone.
            let _ = error.print();
            return Exit::of_usage(&error).into();
        }
    };
    let console = Console::new(cli.json);
    match commands::run(cli.command, &console) {
        Ok(exit) => exit,
        Err(failure) => console.fail(&failure),
    }
    .into()
}
