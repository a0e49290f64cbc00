//! One module per command.

pub(crate) mod call;
pub(crate) mod completion;
pub(crate) mod describe;
pub(crate) mod r#gen;
pub(crate) mod new;
pub(crate) mod policy;
pub(crate) mod ps;

use crate::cli::Command;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Result;

/// Runs a command.
pub(crate) fn run(command: Command, console: &Console) -> Result<Exit> {
    match command {
        Command::New(args) => new::run(&args, console),
        Command::Gen(args) => r#gen::run(&args, console),
        Command::Call(args) => call::run(&args, console),
        Command::Ps(args) => ps::run(&args, console),
        Command::Policy(args) => policy::run(&args, console),
        Command::List(args) => describe::list(&args, console),
        Command::Describe(args) => describe::describe(&args, console),
        Command::Completion(args) => completion::run(&args, console),
    }
}
