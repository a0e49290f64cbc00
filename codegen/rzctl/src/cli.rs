//! The arguments of the program.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use crate::commands::call::CallArgs;
use crate::commands::completion::CompletionArgs;
use crate::commands::describe::{DescribeArgs, ListArgs};
use crate::commands::r#gen::GenArgs;
use crate::commands::new::NewArgs;
use crate::commands::policy::PolicyArgs;
use crate::commands::ps::PsArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  rzctl new service greeter                                a service that builds and runs
  rzctl gen                                                after its contract changed
  rzctl ps                                                 who is registered where
  rzctl call greeter.Greeter/SayHello '{\"name\":\"Li\"}'      a call, found by name
  rzctl policy show greeter                                what holds for each method

Exit codes: 0 all is well, 1 the gate or the call failed, 2 the run broke, 3 bad input,
4 inconclusive.";

/// The rzero command line
#[derive(Debug, Parser)]
#[command(name = "rzctl", version, styles = STYLES, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print results and errors as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a new service
    New(NewArgs),
    /// Write the code of the contracts again
    Gen(GenArgs),
    /// Call a method of a service
    Call(Box<CallArgs>),
    /// List the contracts that a service offers
    List(Box<ListArgs>),
    /// Show a service, message or enum of a contract
    Describe(Box<DescribeArgs>),
    /// Show who is registered where
    Ps(PsArgs),
    /// Show the policies of a service
    Policy(PolicyArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
