//! Serves `grpc.testing.TestService` on a loopback port until SIGTERM or ctrl-c.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line says where it serves"
)]

use std::path::PathBuf;
use std::process::{ExitCode, Termination};
use std::sync::Arc;

use clap::Parser;
use rzero_interop::TestLogic;
use rzero_interop::certificates::Certificates;
use rzero_interop::serve::{Options, app};

/// Serves grpc.testing.TestService on 127.0.0.1, with health and reflection.
#[derive(Debug, Parser)]
struct Args {
    /// TCP port; 0 takes a free one, which is printed
    #[arg(long, default_value_t = 10000)]
    port: u16,
    /// Serve TLS, with test certificates unless --cert and --key name others
    #[arg(long)]
    tls: bool,
    /// Folder of the test certificates; made when it does not exist
    #[arg(long, value_name = "DIR", default_value = "target/interop-tls")]
    tls_dir: PathBuf,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires_all = ["key", "tls"])]
    cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires_all = ["cert", "tls"])]
    key: Option<PathBuf>,
    /// Only make the test certificates, and say where they are
    #[arg(long)]
    certificates: bool,
}

impl Args {
    fn options(&self) -> rzero::Result<Options> {
        let tls = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            _ if self.tls => {
                let made = Certificates::in_folder(&self.tls_dir)?;
                Some((made.cert, made.key))
            }
            _ => None,
        };
        Ok(Options {
            port: self.port,
            tls,
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if !args.certificates {
        return serve(&args).report();
    }
    match Certificates::in_folder(&args.tls_dir) {
        Ok(files) => {
            println!("{}", files.ca.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", error.message());
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(args: &Args) -> rzero::Exit {
    rzero::run(async {
        let app = app(&args.options()?, Arc::new(TestLogic::default()))?;
        let handle = app.handle();
        let told = tokio::spawn(async move {
            if let Some(address) = handle.address("grpc").await {
                println!("serving {address}");
            }
        });
        let drained = app.run().await;
        told.abort();
        drained
    })
    .await
}
