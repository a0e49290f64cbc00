//! When names are asked for again. The clock stands still but for what the tests do to it: a task
//! that blocks keeps tokio from moving it, so that sockets have all the time they need.

use std::time::Duration;

use hickory_resolver::proto::rr::RecordType;
use rzero_dns::{DnsConfig, Family};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::advance;

use crate::server::Server;
use crate::support::{config, until_lists, until_true, watch};

/// A clock that stands still until it is dropped.
struct Still {
    _release: oneshot::Sender<()>,
    _blocking: JoinHandle<()>,
}

fn stand_still() -> Still {
    let (release, released) = oneshot::channel();
    Still {
        _release: release,
        _blocking: spawn_blocking(|| drop(released.blocking_recv())),
    }
}

/// With the bounds of the documentation, and one question a round.
fn unhurried(server: &Server) -> DnsConfig {
    let bounds = DnsConfig::default();
    DnsConfig {
        refresh_min: bounds.refresh_min,
        refresh_max: bounds.refresh_max,
        timeout: Duration::from_secs(60),
        family: Family::Ipv4,
        ..config(server)
    }
}

/// Lets everything happen that can without the clock.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Asserts that the next question comes after `wait` and the random tenth, and not before.
async fn asks_after(server: &Server, wait: Duration) {
    let before = server.count(RecordType::A);
    settle().await;
    advance(wait - Duration::from_millis(10)).await;
    settle().await;
    assert_eq!(server.count(RecordType::A), before, "asked too soon");
    advance(wait / 10 + Duration::from_millis(20)).await;
    until_true(|| server.count(RecordType::A) > before).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn time_to_live_is_obeyed_between_floor_and_ceiling() {
    let _still = stand_still();
    let server = Server::start().await;
    server.a("users.svc", 7, &["10.0.0.1"]);
    let mut watch = watch(&unhurried(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    assert_eq!(server.count(RecordType::A), 1);
    asks_after(&server, Duration::from_secs(7)).await;
    server.a("users.svc", 0, &["10.0.0.2"]);
    asks_after(&server, Duration::from_secs(7)).await;
    until_lists(&mut watch, &["10.0.0.2:80"]).await;
    // No sooner than the floor, no later than the ceiling.
    server.a("users.svc", 3600, &["10.0.0.3"]);
    asks_after(&server, Duration::from_secs(1)).await;
    until_lists(&mut watch, &["10.0.0.3:80"]).await;
    asks_after(&server, Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn time_of_no_records_is_obeyed() {
    let _still = stand_still();
    let server = Server::start().await;
    server.negative_ttl(5);
    let _watch = watch(&unhurried(&server));
    until_true(|| server.count(RecordType::A) == 1).await;
    asks_after(&server, Duration::from_secs(5)).await;
    asks_after(&server, Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn shortest_time_of_an_alias_and_its_target_counts() {
    let _still = stand_still();
    let server = Server::start().await;
    server.cname("users.svc", 4, "users.elsewhere");
    server.a("users.elsewhere", 20, &["10.0.0.1"]);
    let mut watch = watch(&unhurried(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    asks_after(&server, Duration::from_secs(4)).await;
}

#[tokio::test(start_paused = true)]
async fn watch_that_is_dropped_asks_no_more() {
    let _still = stand_still();
    let server = Server::start().await;
    server.a("users.svc", 1, &["10.0.0.1"]);
    let mut watch = watch(&unhurried(&server));
    until_lists(&mut watch, &["10.0.0.1:80"]).await;
    drop(watch);
    settle().await;
    advance(Duration::from_secs(10)).await;
    settle().await;
    assert_eq!(server.count(RecordType::A), 1);
}
