//! Calls a server of `grpc.testing.TestService` and says which cases passed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line says what it found"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rzero_interop::certificates::{Certificates, SERVER_NAME};
use rzero_interop::client::{Case, Options, Target};
use tokio::time::Instant;

/// Runs interoperability cases against a server of grpc.testing.TestService.
#[derive(Debug, Parser)]
#[command(after_help = "Exit codes: 0 all cases passed, 1 one failed, 2 wrong command line.")]
struct Args {
    /// The server, host:port
    #[arg(long, required_unless_present = "list")]
    addr: Option<String>,
    /// Cases to run, comma separated; `all` for all that every server takes, `compressed` for those
    /// that need gzip
    #[arg(
        long,
        value_name = "CASE,…",
        default_value = "all",
        value_delimiter = ','
    )]
    case: Vec<String>,
    /// Speak TLS, trusting the test authority unless --ca names another
    #[arg(long)]
    tls: bool,
    /// Folder of the test certificates; made when it does not exist
    #[arg(long, value_name = "DIR", default_value = "target/interop-tls")]
    tls_dir: PathBuf,
    /// The authority to trust, PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca: Option<PathBuf>,
    /// Name in the server's certificate; by default that of the test certificate, or the host of
    /// --addr when --ca is given
    #[arg(long, value_name = "NAME", requires = "tls")]
    server_name: Option<String>,
    /// List the cases and end
    #[arg(long)]
    list: bool,
}

impl Args {
    fn options(&self, addr: String) -> rzero::Result<Options> {
        let tls = match (&self.ca, self.tls) {
            (_, false) => None,
            (Some(ca), true) => Some((ca.clone(), self.server_name.clone())),
            (None, true) => {
                let ca = Certificates::in_folder(&self.tls_dir)?.ca;
                let name = self.server_name.clone();
                Some((ca, Some(name.unwrap_or_else(|| SERVER_NAME.to_owned()))))
            }
        };
        Ok(Options { addr, tls })
    }

    /// The cases to run, or the name that is none.
    fn cases(&self) -> Result<Vec<Case>, &str> {
        let mut cases = Vec::new();
        for name in &self.case {
            match Case::by_name(name) {
                Some(case) => cases.push(case),
                None if name == "all" => cases.extend(all(false)),
                None if name == "compressed" => cases.extend(all(true)),
                None => return Err(name),
            }
        }
        Ok(cases)
    }
}

/// All cases that need gzip, or all others.
fn all(gzip: bool) -> impl Iterator<Item = Case> {
    let cases = Case::ALL.iter().copied();
    cases.filter(move |case| case.needs_gzip() == gzip)
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    if args.list {
        for case in Case::ALL {
            println!("{:28} {}", case.name(), case.about());
        }
        return ExitCode::SUCCESS;
    }
    let cases = match args.cases() {
        Ok(cases) => cases,
        Err(name) => {
            eprintln!("error: no case `{name}`; --list shows all of them");
            return ExitCode::from(2);
        }
    };
    match run(&args, &cases).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.message());
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases one after the other and gives the number of those that failed.
async fn run(args: &Args, cases: &[Case]) -> rzero::Result<usize> {
    let addr = args.addr.clone().unwrap_or_default();
    let target = Target::connect(&args.options(addr)?).await?;
    let mut failed = 0;
    for case in cases {
        let begun = Instant::now();
        match case.run(&target).await {
            Ok(()) => println!(
                "ok     {} ({} ms)",
                case.name(),
                begun.elapsed().as_millis()
            ),
            Err(failure) => {
                failed += 1;
                println!("FAILED {}: {failure}", case.name());
            }
        }
    }
    println!("{} of {} cases passed", cases.len() - failed, cases.len());
    Ok(failed)
}
