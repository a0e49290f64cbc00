//! The interoperability cases of gRPC, with grpc-go on the other side.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::Result;
use crate::interop::tls_folder;

use super::install::Program;
use super::lab::{Lab, Transport, free_port, ours, text};
use super::process::{Process, run};

/// The cases that grpc-go and we both have.
const CASES: [&str; 15] = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "pick_first_unary",
];
/// The name in the test certificate.
const SERVER_NAME: &str = "localhost";
/// How long one case may take.
const CASE_LIMIT: Duration = Duration::from_secs(40);
/// How long all cases in one process may take.
const ALL_LIMIT: Duration = Duration::from_secs(5 * 60);
/// How long grpc-go's server may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// grpc-go's client, our server, plaintext.
pub(super) fn client(lab: &Lab) -> Result<String> {
    client_over(lab, "grpc-go-client", Transport::Plaintext)
}

/// grpc-go's client, our server, TLS.
pub(super) fn client_tls(lab: &Lab) -> Result<String> {
    client_over(lab, "grpc-go-client-tls", Transport::Tls)
}

/// Our client, grpc-go's server, plaintext.
pub(super) fn server(lab: &Lab) -> Result<String> {
    server_over(lab, "grpc-go-server", Transport::Plaintext)
}

/// Our client, grpc-go's server, TLS.
pub(super) fn server_tls(lab: &Lab) -> Result<String> {
    server_over(lab, "grpc-go-server-tls", Transport::Tls)
}

fn client_over(lab: &Lab, name: &str, transport: Transport) -> Result<String> {
    let mut server = lab.serve_interop(name, transport)?;
    let log = lab.fresh_log(name)?;
    let mut failed = Vec::new();
    for case in CASES {
        if let Err(error) = one_case(case, server.port, transport, &log) {
            failed.push(format!("{case} ({error})"));
        }
        server.still_runs()?;
    }
    verdict(&failed)
}

/// A process for each case: grpc-go's client knows no other way.
fn one_case(case: &str, port: u16, transport: Transport, log: &Path) -> Result<()> {
    let mut command = Program::GrpcGo.command("client");
    command.args(["-server_host", "127.0.0.1", "-test_case", case]);
    command.args(["-server_port", &port.to_string()]);
    if transport == Transport::Tls {
        command.args(["-use_tls", "-use_test_ca", "-ca_file"]);
        command.arg(tls_folder().join("ca.pem"));
        command.args(["-server_host_override", SERVER_NAME]);
    }
    talkative(&mut command);
    let done = run(&mut command, log, CASE_LIMIT)?;
    if done.status.success() {
        return Ok(());
    }
    let complaint = done.output.lines().find(|line| line.contains("FATAL"));
    let complaint = complaint.unwrap_or_else(|| done.last_line());
    Err(complaint.trim().into())
}

/// Lets grpc-go log what it does; its verdicts are not printed otherwise.
fn talkative(command: &mut Command) {
    command.env("GRPC_GO_LOG_SEVERITY_LEVEL", "info");
}

fn server_over(lab: &Lab, name: &str, transport: Transport) -> Result<String> {
    let port = free_port()?;
    let mut command = Program::GrpcGo.command("server");
    command.args(["-port", &port.to_string()]);
    if transport == Transport::Tls {
        let folder = tls_folder();
        command.args([
            "-use_tls",
            "-tls_cert_file",
            &text(&folder.join("server.pem")),
        ]);
        command.args(["-tls_key_file", &text(&folder.join("server.key"))]);
    }
    talkative(&mut command);
    let log = lab.fresh_log(&format!("{name}.server"))?;
    let mut server = Process::start("grpc-go's server", &mut command, &log)?;
    server.wait_for_port(port, READY_WITHIN)?;

    let mut command = ours("interop-client");
    command.args(["--addr", &format!("127.0.0.1:{port}")]);
    command.args(["--case", &CASES.join(",")]);
    if transport == Transport::Tls {
        command.args(["--tls", "--ca", &text(&tls_folder().join("ca.pem"))]);
        command.args(["--server-name", SERVER_NAME]);
    }
    let log = lab.fresh_log(name)?;
    let done = run(&mut command, &log, ALL_LIMIT)?;
    server.still_runs()?;
    let failed: Vec<String> = done
        .output
        .lines()
        .filter_map(|line| line.strip_prefix("FAILED "))
        .map(str::to_owned)
        .collect();
    let passed = done.output.lines().filter(|line| line.starts_with("ok "));
    if failed.is_empty() && (!done.status.success() || passed.count() != CASES.len()) {
        return Err(format!("{}: {}", done.status, done.last_line()).into());
    }
    verdict(&failed)
}

fn verdict(failed: &[String]) -> Result<String> {
    let all = CASES.len();
    let passed = all - failed.len();
    if failed.is_empty() {
        return Ok(format!("{all} of {all} cases passed"));
    }
    Err(format!(
        "{passed} of {all} cases passed; failed: {}",
        failed.join("; ")
    )
    .into())
}
