//! A runner that is killed before it can stop its servers.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rzero_harness::{EtcdCluster, RunFolder, is_alive};

use crate::support::pids;

/// Set for the runner that is to be killed.
const ROLE: &str = "RZ_HARNESS_TEST_RUNNER";
/// Begins the line with which the runner reports its server.
const REPORT: &str = "server of the runner: ";

/// The runner: this test program again, with one test. Does nothing in a normal run.
#[test]
#[ignore = "needs etcd"]
fn runner_waits_to_be_killed() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let etcd = EtcdCluster::start(1).unwrap();
    println!("{REPORT}{} {}", pids(&etcd)[0], etcd.folder().display());
    // Ends when the parent closes the pipe, should it fail before it kills.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

#[test]
#[ignore = "needs etcd"]
fn next_run_cleans_up_after_killed_runner() {
    let mut runner = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::runner_waits_to_be_killed",
            "--include-ignored",
            "--nocapture",
        ])
        .env(ROLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(runner.stdout.take().unwrap());
    let report = output.lines().map_while(Result::ok).find_map(|line| {
        // The test runner may have begun the line with the name of the test.
        Some(line.split_once(REPORT)?.1.to_owned())
    });
    runner.kill().unwrap();
    runner.wait().unwrap();
    let report = report.expect("the runner ended without a report");
    let (pid, folder) = report.split_once(' ').unwrap();
    let (pid, folder): (u32, PathBuf) = (pid.parse().unwrap(), folder.into());
    drop(RunFolder::throw_away().unwrap());
    // Another test may be sweeping at the same moment; either way it ends soon.
    let gone = || !is_alive(pid) && !folder.exists();
    assert!(
        crate::support::eventually(gone),
        "{pid} in {}",
        folder.display()
    );
}
