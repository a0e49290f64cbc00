//! The checks of `grpc-client`, a program of ours on grpc-go, against the echo service.

use std::time::Duration;

use serde_json::Value;

use crate::error::Result;
use crate::interop::tls_folder;

use super::install::Program;
use super::lab::{Lab, Transport, free_port, ours, text};
use super::process::{Process, run};

const LIMIT: Duration = Duration::from_secs(5 * 60);
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Runs all checks, plaintext and TLS.
pub(super) fn judge(lab: &Lab) -> Result<String> {
    let log = lab.fresh_log("grpc-checks")?;
    let server_log = lab.fresh_log("grpc-checks.server")?;
    let mut outcome = Outcome::default();
    for transport in [Transport::Plaintext, Transport::Tls] {
        let port = free_port()?;
        let config = lab.write("grpc-checks.toml", &config(port, transport))?;
        let mut command = ours("echo");
        command.arg("rzero").env("RZ_CONFIG", config);
        let mut server = Process::start("echo", &mut command, &server_log)?;
        server.wait_for_port(port, READY_WITHIN)?;
        let mut command = Program::Peers.command("grpc-client");
        command.args(["--checks", "all", "--addr", &format!("127.0.0.1:{port}")]);
        if transport == Transport::Tls {
            command.args(["--tls-ca", &text(&tls_folder().join("ca.pem"))]);
            command.args(["--tls-server-name", "localhost"]);
        }
        let done = run(&mut command, &log, LIMIT)?;
        server.still_runs()?;
        outcome.add(&done.output, transport);
    }
    outcome.verdict()
}

fn config(port: u16, transport: Transport) -> String {
    let mut text = format!(
        "[service]\nname = \"echo\"\n[server.rpc]\nlisten = \"127.0.0.1:{port}\"\n\
         [registry]\nkind = \"static\"\n[policy]\noff = [\"shed\"]\n"
    );
    if transport == Transport::Tls {
        let folder = tls_folder();
        let (cert, key) = (folder.join("server.pem"), folder.join("server.key"));
        text += &format!("[server.rpc.tls]\ncert = {cert:?}\nkey = {key:?}\n");
    }
    text
}

/// What the lines say: `{"name","ok","detail","ms"}` each.
#[derive(Default)]
struct Outcome {
    passed: usize,
    failed: Vec<String>,
}

impl Outcome {
    fn add(&mut self, output: &str, transport: Transport) {
        let before = self.passed + self.failed.len();
        for line in output.lines() {
            let Ok(check) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if check["ok"] == true {
                self.passed += 1;
            } else if let Some(name) = check["name"].as_str() {
                let detail = check["detail"].as_str().unwrap_or_default();
                self.failed
                    .push(format!("{name}, {transport:?} ({detail})"));
            }
        }
        if self.passed + self.failed.len() == before {
            self.failed.push(format!("no check ran, {transport:?}"));
        }
    }

    fn verdict(self) -> Result<String> {
        let all = self.passed + self.failed.len();
        if self.failed.is_empty() {
            return Ok(format!("{all} of {all} checks passed, plaintext and TLS"));
        }
        let (passed, failed) = (self.passed, self.failed.join("; "));
        Err(format!("{passed} of {all} checks passed; failed: {failed}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;
    use crate::peers::lab::Transport;

    #[test]
    fn failed_checks_are_named() {
        let mut outcome = Outcome::default();
        let output = "\
{\"name\":\"unary\",\"ok\":true,\"detail\":\"\",\"ms\":1}
noise
{\"name\":\"gzip\",\"ok\":false,\"detail\":\"refused\",\"ms\":1}";
        outcome.add(output, Transport::Plaintext);
        let error = outcome.verdict().unwrap_err().to_string();
        assert_eq!(
            error,
            "1 of 2 checks passed; failed: gzip, Plaintext (refused)"
        );
    }

    #[test]
    fn silence_is_a_failure() {
        let mut outcome = Outcome::default();
        outcome.add("", Transport::Tls);
        assert!(outcome.verdict().is_err());
    }
}
