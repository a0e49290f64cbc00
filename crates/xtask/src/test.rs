//! `cargo xtask test`: every test, against real servers.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use rzero_harness::{ETCD_ENV, EtcdCluster};

use crate::cargo::{cargo, limited, line};
use crate::error::Result;
use crate::peers;
use crate::services::{ETCD_MEMBERS, install};
use crate::step::Steps;
use crate::summary::Summary;

/// How long building and running all tests may take where nobody watches. A test that hangs must
/// not hide the findings of the others.
const MINUTES_MAX: u32 = 40;
/// How `timeout` says that it had to end the command.
const TIMED_OUT: i32 = 124;

/// Options of `cargo xtask test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                      every test of the workspace, doc tests included
  cargo xtask test -p rzero-etcd        those of one crate
  cargo xtask test -p rzero-etcd -- leader --nocapture
                                        those whose names contain `leader`, with their output
  cargo xtask test --peers              h2spec, grpc-go, go-zero and others judge the wire
  cargo xtask test --peers --judge h2spec
                                        one of these judges

Installs missing packages (as root), starts an etcd cluster on free loopback ports, names it in
RZ_TEST_ETCD, and stops it at the end.")]
pub(crate) struct TestArgs {
    /// Test this crate only; may be repeated
    #[arg(short, long, value_name = "CRATE")]
    package: Vec<String>,
    /// Let programs of others judge the wire instead; needs Go, installs them below target/
    #[arg(long, conflicts_with_all = ["package", "rest"])]
    peers: bool,
    /// Ask this judge only; may be repeated
    #[arg(long, value_name = "NAME", requires = "peers", value_parser = peers::names())]
    judge: Vec<String>,
    /// Arguments for the test programs
    #[arg(last = true, value_name = "ARG")]
    rest: Vec<String>,
}

/// Runs `cargo xtask test`.
pub(crate) fn run(args: &TestArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("test");
    if steps.run("install packages", install).is_some() {
        if args.peers {
            peers::run_in(&mut steps, &args.judge);
        } else {
            run_in(&mut steps, args);
        }
    }
    Ok(steps.verdict())
}

/// The steps of this chore after the installation, alone or as a part of a larger one.
pub(crate) fn run_in(steps: &mut Steps, args: &TestArgs) {
    let Some(etcd) = steps.run("start etcd", start) else {
        return;
    };
    let summary = steps.run("run tests", || run_tests(args, &etcd.endpoints()));
    if let Some(summary) = summary {
        steps.note(format!("tests: {summary}"));
    }
    steps.run("stop etcd", || stop(etcd));
}

impl TestArgs {
    /// All tests of the workspace.
    pub(crate) fn all() -> Self {
        Self {
            package: Vec::new(),
            peers: false,
            judge: Vec::new(),
            rest: Vec::new(),
        }
    }

    fn command(&self, endpoints: &[String]) -> Command {
        let mut command = cargo(["test", "--all-features", "--no-fail-fast"]);
        if self.package.is_empty() {
            command.arg("--workspace");
        }
        for package in &self.package {
            command.args(["--package", package]);
        }
        command.args(["--", "--include-ignored"]);
        if std::io::stdout().is_terminal() {
            command.args(["--color", "always"]);
        }
        command.args(&self.rest).env(ETCD_ENV, endpoints.join(","));
        command
    }
}

/// Servers of this run alone: a killed run's are cleared away by the next, and servers that were
/// started by hand are left in peace.
fn start() -> Result<EtcdCluster> {
    let etcd = EtcdCluster::start(ETCD_MEMBERS)?;
    println!("    {ETCD_ENV}={}", etcd.endpoints().join(","));
    Ok(etcd)
}

/// Kills the servers; their data goes with them, so there is nothing to end in order.
fn stop(mut etcd: EtcdCluster) -> Result<()> {
    Ok(etcd.kill_all()?)
}

/// Runs cargo's tests, passing their output through and adding up their summaries.
fn run_tests(args: &TestArgs, endpoints: &[String]) -> Result<Summary> {
    let command = args.command(endpoints);
    let shown = line(&command);
    println!("    {shown}");
    let mut child = limited(command, MINUTES_MAX)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{shown}: {error}"))?;
    let mut summary = Summary::default();
    if let Some(output) = child.stdout.take() {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            let text = String::from_utf8_lossy(&bytes);
            print!("{text}");
            summary.add(&text);
            bytes.clear();
        }
    }
    let status = child.wait()?;
    if status.code() == Some(TIMED_OUT) {
        return Err(format!("not done after {MINUTES_MAX} minutes; so far {summary}").into());
    }
    if !status.success() {
        return Err(format!("{summary} ({status})").into());
    }
    if summary.programs == 0 {
        return Err("no test ran".into());
    }
    Ok(summary)
}
