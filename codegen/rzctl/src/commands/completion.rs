//! `rzctl completion`: scripts that complete its arguments in a shell.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Result;

const EXAMPLES: &str = "\
Examples:
  rzctl completion bash > /etc/bash_completion.d/rzctl
  rzctl completion zsh > \"${fpath[1]}/_rzctl\"
  rzctl completion fish > ~/.config/fish/completions/rzctl.fish";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionArgs {
    /// The shell that shall complete
    shell: Shell,
}

pub(crate) fn run(args: &CompletionArgs, console: &Console) -> Result<Exit> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "rzctl", &mut script);
    console.line(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Ok)
}
