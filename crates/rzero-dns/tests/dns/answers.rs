//! What comes of good answers.

use hickory_resolver::proto::rr::RecordType;
use rzero_core::Address;
use rzero_dns::{DnsConfig, DnsRegistry, Family};
use rzero_registry::{Instance, InstanceId, RegistrationStatus, Registry, Snapshot, Status};

use crate::server::{Server, name};
use crate::support::{addresses, config, service, srv_config, until, until_lists, watch};

const SRV: &str = "_grpc._tcp.users.svc";

#[tokio::test]
async fn addresses_of_both_kinds_are_instances_in_a_stable_order() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.2", "10.0.0.1"]);
    server.aaaa("users.svc", 0, &["fd00::1"]);
    let mut watch = watch(&config(&server));
    let listed = ["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"];
    until_lists(&mut watch, &listed).await;
    let before = watch.current();
    assert_eq!(before.status, Status::Live);
    // The same in another order is no news, and an instance stays the same instance.
    server.a("users.svc", 0, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    until(&mut watch, |snapshot| snapshot.instances.len() == 4).await;
    for old in &before.instances {
        assert_eq!(watch.current().get(&old.id), Some(old));
    }
}

#[tokio::test]
async fn records_that_change_are_followed() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    server.a("users.svc", 0, &["10.0.0.1", "10.0.0.2"]);
    until_lists(&mut watch, &["10.0.0.1:80", "10.0.0.2:80"]).await;
    server.a("users.svc", 0, &["10.0.0.2"]);
    until_lists(&mut watch, &["10.0.0.2:80"]).await;
    server.a("users.svc", 0, &["10.0.0.3"]);
    until_lists(&mut watch, &["10.0.0.3:80"]).await;
}

#[tokio::test]
async fn only_the_family_that_is_configured_is_asked_for() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    server.aaaa("users.svc", 0, &["fd00::1"]);
    let mut v4 = watch(&DnsConfig {
        family: Family::Ipv4,
        ..config(&server)
    });
    until_lists(&mut v4, &["10.0.0.1:80"]).await;
    assert_eq!(server.count(RecordType::AAAA), 0);
    drop(v4);
    let mut v6 = watch(&DnsConfig {
        family: Family::Ipv6,
        ..config(&server)
    });
    until_lists(&mut v6, &["[fd00::1]:80"]).await;
}

#[tokio::test]
async fn aliases_are_followed() {
    let server = Server::start().await;
    server.cname("users.svc", 0, "users.elsewhere");
    server.a("users.elsewhere", 0, &["10.0.0.1"]);
    let mut watch = watch(&config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
}

#[tokio::test]
async fn names_are_absolute_and_a_service_may_have_one_of_its_own() {
    let server = Server::start().await;
    server.a("people.prod.svc", 0, &["10.0.0.9"]);
    let mut config = config(&server);
    config
        .names
        .insert(service(), "people.prod.svc.:8080".to_owned());
    let mut watch = watch(&config);
    until_lists(&mut watch, &["10.0.0.9:8080"]).await;
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .all(|asked| asked.name == name("people.prod.svc"))
    );
}

#[tokio::test]
async fn srv_records_bring_ports_and_weights() {
    let server = Server::start().await;
    server.srv(SRV, 0, &[(1, 20, 8080, "a.svc"), (1, 60, 9090, "b.svc")]);
    server.a("a.svc", 0, &["10.0.0.1"]);
    server.a("b.svc", 0, &["10.0.0.2", "10.0.0.3"]);
    let mut watch = watch(&srv_config(&server));
    let listed = ["10.0.0.1:8080", "10.0.0.2:9090", "10.0.0.3:9090"];
    until_lists(&mut watch, &listed).await;
    let snapshot = watch.current();
    let shown: Vec<(u32, &str)> = snapshot
        .instances
        .iter()
        .map(|i| (i.weight.get(), i.tags["dns.target"].as_str()))
        .collect();
    assert_eq!(shown, [(20, "a.svc."), (60, "b.svc."), (60, "b.svc.")]);
    // A weight may change alone.
    server.srv(SRV, 0, &[(1, 0, 8080, "a.svc"), (1, 60, 9090, "b.svc")]);
    let weighs_least = |snapshot: &Snapshot| snapshot.instances[0].weight.get() == 1;
    until(&mut watch, weighs_least).await;
}

#[tokio::test]
async fn higher_priority_numbers_wait_until_the_lower_are_gone() {
    let server = Server::start().await;
    server.srv(SRV, 0, &[(10, 0, 80, "main.svc"), (20, 0, 80, "spare.svc")]);
    server.a("main.svc", 0, &["10.0.0.1"]);
    server.a("spare.svc", 0, &["10.0.0.2"]);
    let mut watch = watch(&srv_config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    server.srv(SRV, 0, &[(20, 0, 80, "spare.svc")]);
    until_lists(&mut watch, &["10.0.0.2:80"]).await;
}

#[tokio::test]
async fn addresses_that_come_along_are_not_asked_for() {
    let server = Server::start().await;
    server.srv(SRV, 0, &[(1, 1, 80, "a.svc")]);
    server.a("a.svc", 0, &["10.0.0.1"]);
    server.send_along(SRV, "a.svc");
    let mut watch = watch(&srv_config(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    assert_eq!(
        (server.count(RecordType::A), server.count(RecordType::AAAA)),
        (0, 0)
    );
}

#[tokio::test]
async fn long_list_comes_over_tcp_and_whole() {
    let server = Server::start().await;
    let all: Vec<String> = (0..250).map(|n| format!("10.0.1.{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    server.a("users.svc", 0, &all);
    let mut watch = watch(&config(&server));
    until(&mut watch, |snapshot| snapshot.status == Status::Live).await;
    // A part of it was never taken for the whole.
    assert_eq!(watch.current().instances.len(), 250);
    assert!(server.asked().iter().any(|asked| asked.over_tcp));
    assert!(server.asked().iter().any(|asked| !asked.over_tcp));
}

#[tokio::test]
async fn registration_is_accepted_and_changes_nothing() {
    let server = Server::start().await;
    server.a("users.svc", 0, &["10.0.0.1"]);
    let registry = DnsRegistry::open(&config(&server)).unwrap();
    let address = Address::tcp("127.0.0.1", 1);
    let instance = Instance::new(service(), InstanceId::generate(), "grpc", address);
    let guard = registry.register(instance).await.unwrap();
    assert_eq!(guard.status().current(), RegistrationStatus::Registered);
    let mut watch = registry.watch(&service());
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    guard.close().await.unwrap();
    assert_eq!(addresses(&watch.current()), ["10.0.0.1:80"]);
}

#[tokio::test]
async fn services_with_names_are_listed_and_patterns_cannot_be() {
    let server = Server::start().await;
    let mut config = config(&server);
    let registry = DnsRegistry::open(&config).unwrap();
    let error = registry.services().await.unwrap_err();
    assert!(error.message().contains("cannot list"), "{error}");
    config.names.insert(service(), "u.svc:1".to_owned());
    let registry = DnsRegistry::open(&config).unwrap();
    assert_eq!(registry.services().await.unwrap(), [service()]);
}

#[tokio::test]
async fn service_without_a_name_says_so() {
    let server = Server::start().await;
    let mut config = config(&server);
    config.name = None;
    config
        .names
        .insert("orders".parse().unwrap(), "o.svc:1".into());
    let watch = watch(&config);
    tokio::task::yield_now().await;
    assert_eq!(watch.current().status, Status::Pending);
    assert!(server.asked().is_empty());
}
