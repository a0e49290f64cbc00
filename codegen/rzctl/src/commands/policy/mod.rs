//! `rzctl policy`: what holds for each method, and where each value comes from.

mod found;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use rzero::policy::Side;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Result;
use crate::link::schema::SchemaArgs;

const EXAMPLES: &str = "\
Examples:
  rzctl policy show greeter      what holds for each method, and where each value comes from";

const SHOW_EXAMPLES: &str = "\
Examples:
  rzctl policy show greeter                                    in the folder of the service
  rzctl policy show greeter.Greeter --method 'Say*' --all      one contract, defaults too
  rzctl policy show shop --config etc/shop.toml --caller batch-nightly@1.0
  rzctl policy show stock --side client --proto stock.proto    how it is called from here";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the effective policy of each method
    Show(Box<ShowArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Name of a service (`greeter`) or of one of its contracts (`greeter.Greeter`)
    service: String,

    /// Methods to show, by full or short name; `*` stands for any text
    #[arg(long, value_name = "GLOB")]
    method: Option<String>,

    /// Whether it is served or called
    #[arg(long, value_name = "SIDE", default_value = "server")]
    side: SideArg,

    /// Name of `[client.<name>]`, on the client side [default: the one that calls the service]
    #[arg(long, value_name = "NAME", conflicts_with = "caller")]
    target: Option<String>,

    /// Who calls, as `service@version`, on the server side
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,

    /// Show built-in defaults too
    #[arg(long)]
    all: bool,

    /// Configuration [env: RZ_CONFIG] [default: that in `etc/` of the service]
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,

    /// Root of the service [default: the one around the current folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    schema: SchemaArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SideArg {
    /// As it is served
    Server,
    /// As it is called
    Client,
}

impl From<SideArg> for Side {
    fn from(side: SideArg) -> Self {
        match side {
            SideArg::Server => Self::Server,
            SideArg::Client => Self::Client,
        }
    }
}

pub(crate) fn run(args: &PolicyArgs, console: &Console) -> Result<Exit> {
    match &args.command {
        Command::Show(args) => show::run(args, console),
    }
}
