//! What comes of bad answers, and of none.

use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use rzero_dns::DnsConfig;
use rzero_registry::{Snapshot, Status, Watch};

use crate::server::Server;
use crate::support::{addresses, config, srv_config, until, until_lists, until_true, watch};

const SRV: &str = "_grpc._tcp.users.svc";

fn is_stale(snapshot: &Snapshot) -> bool {
    matches!(snapshot.status, Status::Stale(_))
}

fn is_live(snapshot: &Snapshot) -> bool {
    snapshot.status == Status::Live
}

fn why(watch: &Watch) -> String {
    match &watch.current().status {
        Status::Stale(why) => why.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn server_that_dies_empties_nobody_and_is_asked_when_it_returns() {
    let mut server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1", "10.0.0.2"]);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80", "10.0.0.2:80"]).await;
    server.die().await;
    until(&mut watch, is_stale).await;
    assert_eq!(watch.current().instances.len(), 2);
    // What changed meanwhile is seen at once.
    server.a("users.svc", 0, &["10.0.0.2"]);
    server.revive().await;
    until_lists(&mut watch, &["10.0.0.2:80"]).await;
    assert!(is_live(&watch.current()));
}

#[tokio::test]
async fn server_that_is_away_at_the_start_is_found_later() {
    let mut server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    server.die().await;
    let mut watch = watch(&config(&server));
    tokio::task::yield_now().await;
    assert_eq!(watch.current().status, Status::Pending);
    server.revive().await;
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
}

#[tokio::test]
async fn silent_server_costs_the_deadline_and_no_instance() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut watch = watch(&DnsConfig {
        timeout: Duration::from_millis(100),
        ..config(&server)
    });
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    server.fall_silent();
    until(&mut watch, is_stale).await;
    assert_eq!(addresses(&watch.current()), ["10.0.0.1:80"]);
    server.heal();
    until(&mut watch, is_live).await;
}

#[tokio::test]
async fn silent_server_is_passed_over() {
    let (silent, server) = (Server::start().await, Server::start().await);
    silent.fall_silent();
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut config = config(&server);
    config.servers.insert(0, silent.address());
    let mut watch = watch(&config);
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
}

#[tokio::test]
async fn failing_server_is_passed_over() {
    let (failing, server) = (Server::start().await, Server::start().await);
    for kind in [RecordType::A, RecordType::AAAA] {
        failing.fail("users.svc", kind, ResponseCode::ServFail);
    }
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut config = config(&server);
    config.servers.insert(0, failing.address());
    let mut watch = watch(&config);
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    // The one that answers is asked from then on.
    let (before, told) = (server.asked().len(), failing.asked().len());
    until_true(|| server.asked().len() >= before + 6).await;
    assert_eq!(failing.asked().len(), told);
}

#[tokio::test]
async fn failure_codes_say_nothing_about_the_service() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        server.fail("users.svc", RecordType::A, code);
        server.fail("users.svc", RecordType::AAAA, code);
        until(&mut watch, is_stale).await;
        assert_eq!(addresses(&watch.current()), ["10.0.0.1:80"]);
        assert!(why(&watch).contains("users.svc."), "{}", why(&watch));
        server.heal();
        until(&mut watch, is_live).await;
    }
}

#[tokio::test]
async fn empty_and_missing_names_are_not_believed_at_once() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    server.a("users.svc", 0, &[]);
    until(&mut watch, is_stale).await;
    assert!(why(&watch).contains("kept for now"), "{}", why(&watch));
    server.a("users.svc", 0, &["10.0.0.1"]);
    until(&mut watch, is_live).await;
    server.remove("users.svc");
    until(&mut watch, is_stale).await;
    assert_eq!(addresses(&watch.current()), ["10.0.0.1:80"]);
    // One that is listed again ends it, another one too.
    server.a("users.svc", 0, &["10.0.0.2"]);
    until(&mut watch, |snapshot| {
        addresses(snapshot).contains(&"10.0.0.2:80".to_owned())
    })
    .await;
}

#[tokio::test]
async fn name_that_stays_empty_is_believed_in_the_end() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut watch = watch(&DnsConfig {
        empty_protect: Duration::from_millis(300),
        ..config(&server)
    });
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    server.remove("users.svc");
    until_lists(&mut watch, &[]).await;
    until(&mut watch, is_live).await;
}

#[tokio::test]
async fn family_that_fails_keeps_its_last_answer() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    server.aaaa("users.svc", 0, &["fd00::1"]);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80", "[fd00::1]:80"]).await;
    server.fail("users.svc", RecordType::AAAA, ResponseCode::ServFail);
    server.a("users.svc", 0, &["10.0.0.2"]);
    until_lists(&mut watch, &["10.0.0.2:80", "[fd00::1]:80"]).await;
}

#[tokio::test]
async fn family_that_always_fails_is_no_loss() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    server.fail("users.svc", RecordType::AAAA, ResponseCode::NotImp);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
}

#[tokio::test]
async fn list_that_is_empty_because_of_a_failure_is_no_list() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    server.fail("users.svc", RecordType::A, ResponseCode::ServFail);
    let mut watch = watch(&config(&server));
    // AAAA was answered with "none", again and again, and still nothing is known.
    until_true(|| server.count(RecordType::AAAA) > 2).await;
    assert_eq!(watch.current().status, Status::Pending);
    server.heal();
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
}

#[tokio::test]
async fn target_that_fails_keeps_its_last_answer_and_one_that_is_gone_leaves() {
    let server = Server::start().await;
    server.srv(SRV, 0, &[(1, 1, 80, "a.svc"), (1, 1, 80, "b.svc")]);
    server.a("a.svc", 0, &["10.0.0.1"]);
    server.a("b.svc", 0, &["10.0.0.2"]);
    let mut watch = watch(&srv_config(&server));
    until_lists(&mut watch, &["10.0.0.1:80", "10.0.0.2:80"]).await;
    server.fail("b.svc", RecordType::A, ResponseCode::ServFail);
    server.a("a.svc", 0, &["10.0.0.3"]);
    until_lists(&mut watch, &["10.0.0.2:80", "10.0.0.3:80"]).await;
    server.heal();
    server.remove("b.svc");
    until_lists(&mut watch, &["10.0.0.3:80"]).await;
}

#[tokio::test]
async fn service_that_is_decidedly_not_there_is_an_empty_list() {
    let server = Server::start().await;
    server.srv(SRV, 0, &[(0, 0, 0, ".")]);
    let mut watch = watch(&srv_config(&server));
    until(&mut watch, is_live).await;
    assert!(watch.current().instances.is_empty());
}
