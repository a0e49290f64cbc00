//! `cargo xtask services` as a user runs it, each test with a target folder of its own.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use rzero_harness::{RunFolder, ServerRecord, is_alive, records};

/// A checkout of its own, as far as servers are concerned; what it started ends with it.
struct Checkout {
    target: RunFolder,
}

impl Checkout {
    fn new() -> Self {
        Self {
            target: RunFolder::throw_away().unwrap(),
        }
    }

    fn services(&self, action: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["services", action])
            .env("CARGO_TARGET_DIR", self.target.path())
            .output()
            .unwrap()
    }

    /// Runs an action that must succeed, and returns what it prints.
    fn succeed(&self, action: &str) -> String {
        let output = self.services(action);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{action}: {text}{complaint}");
        text
    }

    /// The folder of the servers that are up.
    fn folder(&self) -> PathBuf {
        let note = self.target.path().join("rz-services/folder");
        fs::read_to_string(note).unwrap().trim_end().into()
    }

    fn servers(&self) -> Vec<ServerRecord> {
        records(&self.folder()).unwrap()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.services("down");
    }
}

fn pids(servers: &[ServerRecord]) -> Vec<u32> {
    servers.iter().map(|server| server.pid).collect()
}

/// Ends one server behind the back of the chore that started it.
fn kill(server: &ServerRecord) {
    let status = Command::new("kill")
        .args(["-KILL", &server.pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "needs etcd"]
fn second_up_changes_nothing() {
    let checkout = Checkout::new();
    let first = checkout.succeed("up");
    let servers = checkout.servers();
    assert_eq!(servers.len(), 3);
    let second = checkout.succeed("up");
    assert_eq!(checkout.servers(), servers);
    let export = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("export RZ_TEST_ETCD="))
            .unwrap()
            .to_owned()
    };
    assert_eq!(export(&first), export(&second));
    assert!(checkout.succeed("status").contains("3 of 3 healthy"));
}

#[test]
#[ignore = "needs etcd"]
fn down_leaves_no_process_folder_or_note() {
    let checkout = Checkout::new();
    checkout.succeed("up");
    let (folder, servers) = (checkout.folder(), checkout.servers());
    checkout.succeed("down");
    assert!(servers.iter().all(|server| !is_alive(server.pid)));
    assert!(
        servers
            .iter()
            .all(|server| std::net::TcpStream::connect(server.endpoint).is_err())
    );
    assert!(!folder.exists());
    assert!(!checkout.target.path().join("rz-services").exists());
    checkout.succeed("down");
    assert!(!checkout.services("status").status.success());
}

#[test]
#[ignore = "needs etcd"]
fn up_replaces_what_a_crash_left() {
    let checkout = Checkout::new();
    checkout.succeed("up");
    let (folder, left) = (checkout.folder(), checkout.servers());
    kill(&left[0]);
    let text = checkout.succeed("up");
    assert!(text.contains("cleaned up after an earlier run"), "{text}");
    assert!(left.iter().all(|server| !is_alive(server.pid)));
    assert!(!folder.exists());
    let servers = checkout.servers();
    assert_eq!(servers.len(), 3);
    assert!(pids(&servers).iter().all(|pid| is_alive(*pid)));
}

#[test]
#[ignore = "needs etcd"]
fn two_checkouts_do_not_meet() {
    let (here, there) = (Checkout::new(), Checkout::new());
    here.succeed("up");
    there.succeed("up");
    let kept = there.servers();
    here.succeed("down");
    assert!(kept.iter().all(|server| is_alive(server.pid)));
    assert!(there.succeed("status").contains("3 of 3 healthy"));
}

#[test]
fn status_without_servers_says_how_to_start_them() {
    let output = Checkout::new().services("status");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("cargo xtask services up"), "{text}");
}
