//! `cargo xtask interop`: the service and client that implementations of gRPC test each other
//! with.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Args, Subcommand};

use crate::cargo::{cargo, check, line, target};
use crate::error::Result;

const PACKAGE: &str = "rzero-interop";

/// Options of `cargo xtask interop`.
#[derive(Debug, Args)]
pub(crate) struct InteropArgs {
    #[command(subcommand)]
    side: Side,
}

#[derive(Debug, Subcommand)]
enum Side {
    /// Serve grpc.testing.TestService on 127.0.0.1 until ctrl-c or SIGTERM
    #[command(after_help = "\
Examples:
  cargo xtask interop server --port 10000
  cargo xtask interop server --port 0             a free port, which is printed
  cargo xtask interop server --port 10000 --tls   TLS with a test certificate for `localhost`
  cargo xtask interop server --port 10000 --tls --cert server.pem --key server.key

grpc-go's client against it:
  client -server_host 127.0.0.1 -server_port 10000 -test_case large_unary
  client -server_host 127.0.0.1 -server_port 10000 -test_case large_unary -use_tls -use_test_ca \\
      -ca_file target/interop-tls/ca.pem -server_host_override localhost")]
    Server(ServerArgs),
    /// Run interoperability cases against a server of grpc.testing.TestService
    #[command(after_help = "\
Examples:
  cargo xtask interop client --addr 127.0.0.1:10000                       all but compression
  cargo xtask interop client --addr 127.0.0.1:10000 --case all,compressed
  cargo xtask interop client --addr 127.0.0.1:10000 --case ping_pong,empty_unary
  cargo xtask interop client --addr 127.0.0.1:10000 --tls                 trusts the test authority
  cargo xtask interop client --addr 127.0.0.1:10000 --tls --ca ca.pem --server-name example.org
  cargo xtask interop client --list                                       what there is

Exit codes: 0 all cases passed, 1 one failed, 2 wrong command line.")]
    Client(ClientArgs),
}

#[derive(Debug, Args)]
struct ServerArgs {
    /// TCP port; 0 takes a free one, which is printed
    #[arg(long, default_value_t = 10000)]
    port: u16,
    /// Serve TLS, with the test certificate unless --cert and --key name another
    #[arg(long)]
    tls: bool,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires_all = ["key", "tls"])]
    cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires_all = ["cert", "tls"])]
    key: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ClientArgs {
    /// The server, host:port
    #[arg(long, required_unless_present = "list")]
    addr: Option<String>,
    /// Cases to run, comma separated; `all` for all that every server takes, `compressed` for those
    /// that need gzip
    #[arg(long, value_name = "CASE,…", default_value = "all")]
    case: String,
    /// Speak TLS, trusting the test authority unless --ca names another
    #[arg(long)]
    tls: bool,
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

/// The folder of the test certificates of this checkout.
pub(crate) fn tls_folder() -> PathBuf {
    target().join("interop-tls")
}

/// Runs `cargo xtask interop`: builds the program and becomes it, so that signals and the exit
/// code are its own.
pub(crate) fn run(args: &InteropArgs) -> Result<ExitCode> {
    check(cargo(["build", "--quiet", "--bins", "--package"]).arg(PACKAGE))?;
    let mut command = match &args.side {
        Side::Server(args) => args.command(),
        Side::Client(args) => args.command(),
    };
    let error = command.exec();
    Err(format!("{}: {error}", line(&command)).into())
}

fn program(name: &str) -> Command {
    Command::new(target().join("debug").join(name))
}

impl ServerArgs {
    fn command(&self) -> Command {
        let mut command = program("interop-server");
        command.args(["--port", &self.port.to_string()]);
        if self.tls {
            command.arg("--tls").arg("--tls-dir").arg(tls_folder());
        }
        for (flag, file) in [("--cert", &self.cert), ("--key", &self.key)] {
            command.args(
                file.iter()
                    .flat_map(|file| [flag.as_ref(), file.as_os_str()]),
            );
        }
        command
    }
}

impl ClientArgs {
    fn command(&self) -> Command {
        let mut command = program("interop-client");
        command.args(["--case", &self.case]);
        command.args(self.addr.iter().flat_map(|addr| ["--addr", addr]));
        if self.tls {
            command.arg("--tls").arg("--tls-dir").arg(tls_folder());
        }
        command.args(
            self.ca
                .iter()
                .flat_map(|ca| ["--ca".as_ref(), ca.as_os_str()]),
        );
        command.args(
            self.server_name
                .iter()
                .flat_map(|name| ["--server-name", name]),
        );
        if self.list {
            command.arg("--list");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientArgs, ServerArgs, tls_folder};
    use crate::cargo::line;

    #[test]
    fn server_without_tls_names_no_files() {
        let args = ServerArgs {
            port: 1,
            tls: false,
            cert: None,
            key: None,
        };
        assert_eq!(line(&args.command()), "interop-server --port 1");
    }

    #[test]
    fn client_passes_everything_on() {
        let args = ClientArgs {
            addr: Some("h:1".into()),
            case: "all".into(),
            tls: true,
            ca: Some("ca.pem".into()),
            server_name: Some("n".into()),
            list: false,
        };
        let expected = format!(
            "interop-client --case all --addr h:1 --tls --tls-dir {} --ca ca.pem --server-name n",
            tls_folder().display()
        );
        assert_eq!(line(&args.command()), expected);
    }
}
