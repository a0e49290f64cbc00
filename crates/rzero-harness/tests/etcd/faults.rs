//! Hurting members and healing them.

use rzero_harness::{EtcdCluster, HarnessError, MemberState};

#[test]
#[ignore = "needs etcd"]
fn killed_leader_is_replaced_and_returns() {
    let mut etcd = EtcdCluster::start(3).unwrap();
    etcd.etcdctl(&["put", "key", "value"]).unwrap();
    let first = etcd.leader().unwrap();
    let endpoint = etcd.member(first).endpoint();
    etcd.member(first).kill().unwrap();
    assert_eq!(etcd.member(first).state(), MemberState::Down);
    assert_ne!(etcd.leader().unwrap(), first);
    etcd.member(first).restart().unwrap();
    etcd.wait_ready().unwrap();
    assert_eq!(etcd.member(first).endpoint(), endpoint);
    assert!(etcd.member(first).is_healthy());
}

#[test]
#[ignore = "needs etcd"]
fn paused_leader_is_replaced_and_wakes() {
    let mut etcd = EtcdCluster::start(3).unwrap();
    let first = etcd.leader().unwrap();
    etcd.member(first).pause().unwrap();
    assert_eq!(etcd.member(first).state(), MemberState::Paused);
    assert_ne!(etcd.leader().unwrap(), first);
    etcd.member(first).resume().unwrap();
    etcd.member(first).wait_ready().unwrap();
}

#[test]
#[ignore = "needs etcd"]
fn stopped_cluster_returns_with_its_data() {
    let mut etcd = EtcdCluster::start(3).unwrap();
    etcd.etcdctl(&["put", "key", "value"]).unwrap();
    let endpoints = etcd.endpoints();
    etcd.stop_all().unwrap();
    assert!(
        etcd.members()
            .iter()
            .all(|member| member.state() == MemberState::Down)
    );
    etcd.start_all().unwrap();
    assert_eq!(etcd.endpoints(), endpoints);
    assert_eq!(
        etcd.etcdctl(&["get", "key", "--print-value-only"])
            .unwrap()
            .trim(),
        "value"
    );
}

#[test]
#[ignore = "needs etcd"]
fn wiped_cluster_returns_empty() {
    let mut etcd = EtcdCluster::start(3).unwrap();
    etcd.etcdctl(&["put", "key", "value"]).unwrap();
    etcd.wipe_all().unwrap();
    etcd.start_all().unwrap();
    assert_eq!(etcd.etcdctl(&["get", "key"]).unwrap(), "");
}

#[test]
#[ignore = "needs etcd"]
fn paused_members_are_killed_with_their_guard() {
    let mut etcd = EtcdCluster::start(1).unwrap();
    let pid = etcd.member(0).pid().unwrap();
    etcd.member(0).pause().unwrap();
    drop(etcd);
    assert!(!rzero_harness::is_alive(pid));
}

#[test]
#[ignore = "needs etcd"]
fn member_that_is_down_refuses_faults() {
    let mut etcd = EtcdCluster::start(1).unwrap();
    etcd.member(0).kill().unwrap();
    etcd.member(0).kill().unwrap();
    let refused = [
        etcd.member(0).pause(),
        etcd.member(0).resume(),
        etcd.member(0).wait_ready(),
    ];
    for outcome in refused {
        assert!(
            matches!(outcome, Err(HarnessError::WrongState { .. })),
            "{outcome:?}"
        );
    }
}

#[test]
#[ignore = "needs etcd"]
fn running_member_keeps_its_data() {
    let mut etcd = EtcdCluster::start(1).unwrap();
    let outcome = etcd.member(0).wipe();
    assert!(
        matches!(outcome, Err(HarnessError::WrongState { .. })),
        "{outcome:?}"
    );
}
