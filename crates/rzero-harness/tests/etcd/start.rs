//! Starting, failing to start, and leaving nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rzero_harness::{
    EtcdCluster, EtcdOptions, HarnessError, RunFolder, is_alive, reclaim, records, runs_as_root,
};

use crate::support::{answers, listening_addresses, pids, user_of};

#[test]
#[ignore = "needs etcd"]
fn three_members_serve_reads_and_writes() {
    let etcd = EtcdCluster::start(3).unwrap();
    assert_eq!(etcd.endpoints().len(), 3);
    assert!(etcd.leader().unwrap() < 3);
    etcd.etcdctl(&["put", "key", "value"]).unwrap();
    assert_eq!(
        etcd.etcdctl(&["get", "key", "--print-value-only"])
            .unwrap()
            .trim(),
        "value"
    );
}

#[test]
#[ignore = "needs etcd"]
fn drop_leaves_no_process_port_or_folder() {
    let etcd = EtcdCluster::start(2).unwrap();
    let (pids, endpoints) = (pids(&etcd), etcd.endpoints());
    let folder = etcd.folder().to_owned();
    assert_eq!(pids.len(), 2);
    drop(etcd);
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    assert!(endpoints.iter().all(|endpoint| !answers(endpoint)));
    assert!(!folder.exists());
}

#[test]
#[ignore = "needs etcd"]
fn servers_listen_on_loopback_only() {
    let etcd = EtcdCluster::start(1).unwrap();
    let addresses = listening_addresses(pids(&etcd)[0]);
    assert_eq!(
        addresses.len(),
        3,
        "client, peer and probe port: {addresses:?}"
    );
    // 127.0.0.1 in the byte order of the kernel's table, which is the machine's.
    let loopback = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
    assert!(
        addresses.iter().all(|address| *address == loopback),
        "{addresses:?}"
    );
}

#[test]
#[ignore = "needs etcd"]
fn no_server_runs_as_root() {
    let etcd = EtcdCluster::start(1).unwrap();
    let user = user_of(pids(&etcd)[0]);
    assert_ne!(user, 0);
    if !runs_as_root() {
        assert_eq!(user, user_of(std::process::id()));
    }
}

#[test]
#[ignore = "needs etcd"]
fn clusters_live_side_by_side() {
    let first = EtcdCluster::start(1).unwrap();
    let second = EtcdCluster::start(1).unwrap();
    first.etcdctl(&["put", "key", "first"]).unwrap();
    assert_eq!(second.etcdctl(&["get", "key"]).unwrap(), "");
    assert_ne!(first.folder(), second.folder());
}

#[test]
#[ignore = "needs etcd"]
fn detached_servers_run_on_until_reclaimed() {
    let etcd = EtcdCluster::start_in(RunFolder::lasting().unwrap(), EtcdOptions::new(1)).unwrap();
    let endpoint = etcd.endpoints()[0].clone();
    let folder = etcd.detach();
    let servers = records(&folder).unwrap();
    assert_eq!(servers.len(), 1);
    assert!(servers[0].runs_in(&folder) && servers[0].is_healthy());
    assert_eq!(servers[0].endpoint.to_string(), endpoint);
    let outcome = reclaim(&folder).unwrap();
    assert_eq!((outcome.killed, outcome.gone), (1, 0));
    assert!(!folder.exists() && !answers(&endpoint));
}

/// Runs in place of etcd: complains and ends.
const BROKEN: &str = "#!/bin/sh
echo 'first words' >&2
echo 'cannot go on' >&2
exit 3
";
/// Runs in place of etcd: the first member starts, the others end.
const BROKEN_BUT_FIRST: &str = "#!/bin/sh
case \"$*\" in *'--name etcd-0'*) exec etcd \"$@\" ;; esac
echo 'cannot go on' >&2
exit 3
";

fn program(folder: &RunFolder, script: &str) -> PathBuf {
    let program = folder.path().join("program");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn server_that_dies_at_start_shows_its_log() {
    let home = RunFolder::throw_away().unwrap();
    let options = EtcdOptions::new(3).program(program(&home, BROKEN));
    let error = EtcdCluster::start_with(options).unwrap_err();
    let HarnessError::DiedAtStart {
        server,
        status,
        log,
    } = &error
    else {
        panic!("{error:?}")
    };
    // All three end at about the same time: whichever is seen first is told.
    assert!(server.starts_with("etcd-"), "{server}");
    assert!(status.contains('3'), "{status}");
    assert!(
        log.contains("first words") && log.ends_with("cannot go on"),
        "{log}"
    );
}

#[test]
#[ignore = "needs etcd"]
fn loss_of_quorum_at_start_is_told_at_once() {
    let home = RunFolder::throw_away().unwrap();
    let options = EtcdOptions::new(3).program(program(&home, BROKEN_BUT_FIRST));
    let error = EtcdCluster::start_with(options).unwrap_err();
    let HarnessError::DiedAtStart { server, .. } = &error else {
        panic!("{error:?}")
    };
    assert_ne!(server, "etcd-0");
}

#[test]
#[ignore = "needs etcd"]
fn refused_flag_is_shown_at_once() {
    let error = EtcdCluster::start_with(EtcdOptions::new(1).arg("--no-such-flag")).unwrap_err();
    assert!(error.to_string().contains("no-such-flag"), "{error}");
}

#[test]
fn missing_program_is_named_with_the_command() {
    let options = EtcdOptions::new(1).program("/nowhere/etcd");
    let text = EtcdCluster::start_with(options).unwrap_err().to_string();
    assert!(text.contains("/nowhere/etcd"), "{text}");
    assert!(
        text.contains("apt-get install --no-install-recommends etcd-server"),
        "{text}"
    );
}
