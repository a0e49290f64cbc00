//! One module per command.

pub(crate) mod completion;
pub(crate) mod r#gen;
pub(crate) mod new;

use crate::cli::Command;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Result;

/// Runs a command.
pub(crate) fn run(command: Command, console: &Console) -> Result<Exit> {
    match command {
        Command::New(args) => new::run(&args, console),
        Command::Gen(args) => r#gen::run(&args, console),
        Command::Completion(args) => completion::run(&args, console),
    }
}
