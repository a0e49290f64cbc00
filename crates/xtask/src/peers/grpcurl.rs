//! grpcurl: reflection and calls, knowing nothing but the port.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Deserializer, Value};

use crate::error::Result;
use crate::interop::tls_folder;

use super::install::Program;
use super::lab::{Lab, Transport, text};
use super::process::{Done, run};

const LIMIT: Duration = Duration::from_secs(30);
const SERVICE: &str = "grpc.testing.TestService";

/// Lists, describes and calls our server, plaintext and TLS.
pub(super) fn judge(lab: &Lab) -> Result<String> {
    let log = lab.fresh_log("grpcurl")?;
    let mut checks = Checks::default();
    for transport in [Transport::Plaintext, Transport::Tls] {
        let mut server = lab.serve_interop("grpcurl", transport)?;
        let grpcurl = Grpcurl {
            target: format!("127.0.0.1:{}", server.port),
            transport,
            log: &log,
        };
        reflection(&grpcurl, &mut checks);
        calls(&grpcurl, &mut checks);
        server.still_runs()?;
    }
    checks.verdict()
}

fn reflection(grpcurl: &Grpcurl<'_>, checks: &mut Checks) {
    let services = [
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ];
    checks.note("list", grpcurl.prints(&["list"], &services));
    let methods = [
        "grpc.testing.TestService.EmptyCall",
        "grpc.testing.TestService.FullDuplexCall",
    ];
    checks.note("list methods", grpcurl.prints(&["list", SERVICE], &methods));
    let signature = "rpc StreamingOutputCall ( .grpc.testing.StreamingOutputCallRequest ) \
                     returns ( stream .grpc.testing.StreamingOutputCallResponse );";
    checks.note(
        "describe service",
        grpcurl.prints(&["describe", SERVICE], &[signature]),
    );
    let fields = [
        ".grpc.testing.EchoStatus response_status = 7;",
        "bool fill_server_id = 9;",
    ];
    let described = grpcurl.prints(&["describe", "grpc.testing.SimpleRequest"], &fields);
    checks.note("describe message", described);
}

fn calls(grpcurl: &Grpcurl<'_>, checks: &mut Checks) {
    let sizes = |messages: &[Value]| -> Vec<usize> {
        let body = |message: &Value| message["payload"]["body"].as_str().map(str::len);
        messages.iter().map(|m| body(m).unwrap_or(0)).collect()
    };
    let unary = grpcurl.call(r#"{"responseSize": 5}"#, "UnaryCall");
    // 5 bytes are 8 signs of base64.
    let unary = unary.and_then(|messages| same("sizes", sizes(&messages), vec![8]));
    checks.note("unary", unary);

    let request = r#"{"responseParameters": [{"size": 3}, {"size": 6}, {"size": 9}]}"#;
    let stream = grpcurl.call(request, "StreamingOutputCall");
    let stream = stream.and_then(|messages| same("sizes", sizes(&messages), vec![4, 8, 12]));
    checks.note("server stream", stream);

    let request = r#"{"payload": {"body": "AAAA"}} {"payload": {"body": "AAAAAAAA"}}"#;
    let sum = grpcurl.call(request, "StreamingInputCall");
    let sum = sum.and_then(|messages| {
        let sums: Vec<_> = messages
            .iter()
            .map(|m| m["aggregatedPayloadSize"].as_u64())
            .collect();
        same("sums", sums, vec![Some(9)])
    });
    checks.note("client stream", sum);

    let request = r#"{"responseParameters": [{"size": 3}]} {"responseParameters": [{"size": 6}]}"#;
    let both = grpcurl.call(request, "FullDuplexCall");
    let both = both.and_then(|messages| same("sizes", sizes(&messages), vec![4, 8]));
    checks.note("both ways", both);

    let request = r#"{"responseStatus": {"code": 5, "message": "not here ☺"}}"#;
    let complaint = ["Code: NotFound", "Message: not here ☺"];
    checks.note("failed call", grpcurl.fails(request, &complaint));
    let health = ["-d", r#"{"service": "grpc.testing.TestService"}"#];
    let health = grpcurl.run(&health, &["grpc.health.v1.Health/Check"]);
    let health = health.and_then(|done| contains(&done, true, &[r#""status": "SERVING""#]));
    checks.note("health", health);
}

/// How grpcurl reaches the server.
struct Grpcurl<'a> {
    target: String,
    transport: Transport,
    log: &'a Path,
}

impl Grpcurl<'_> {
    fn run(&self, flags: &[&str], rest: &[&str]) -> Result<Done> {
        let mut command = Program::Grpcurl.command("grpcurl");
        self.transport_flags(&mut command);
        command.args(["-max-time", "20"]).args(flags);
        run(command.arg(&self.target).args(rest), self.log, LIMIT)
    }

    fn transport_flags(&self, command: &mut Command) {
        match self.transport {
            Transport::Plaintext => command.arg("-plaintext"),
            Transport::Tls => command.args(["-cacert", &text(&tls_folder().join("ca.pem"))]),
        };
    }

    /// Asserts that a query succeeds and prints all of `wanted`.
    fn prints(&self, query: &[&str], wanted: &[&str]) -> Result<()> {
        contains(&self.run(&[], query)?, true, wanted)
    }

    /// Calls a method and gives the answers.
    fn call(&self, requests: &str, method: &str) -> Result<Vec<Value>> {
        let done = self.run(&["-d", requests], &[&format!("{SERVICE}/{method}")])?;
        contains(&done, true, &[])?;
        let messages: std::result::Result<_, _> =
            Deserializer::from_str(&done.output).into_iter().collect();
        Ok(messages?)
    }

    /// Asserts that a call fails and prints all of `wanted`.
    fn fails(&self, request: &str, wanted: &[&str]) -> Result<()> {
        let method = format!("{SERVICE}/UnaryCall");
        contains(&self.run(&["-d", request], &[&method])?, false, wanted)
    }
}

fn contains(done: &Done, success: bool, wanted: &[&str]) -> Result<()> {
    if done.status.success() != success {
        return Err(format!("{}: {}", done.status, done.last_line()).into());
    }
    match wanted.iter().find(|text| !done.output.contains(**text)) {
        None => Ok(()),
        Some(text) => Err(format!("it did not print `{text}`").into()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<()> {
    if got == want {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, want {want:?}").into())
}

/// What was found so far.
#[derive(Default)]
struct Checks {
    passed: usize,
    failed: Vec<String>,
}

impl Checks {
    fn note(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(error) => self.failed.push(format!("{name} ({error})")),
        }
    }

    fn verdict(self) -> Result<String> {
        let all = self.passed + self.failed.len();
        if self.failed.is_empty() {
            return Ok(format!("{all} of {all} queries and calls as expected"));
        }
        let (passed, failed) = (self.passed, self.failed.join("; "));
        Err(format!("{passed} of {all} as expected; failed: {failed}").into())
    }
}
