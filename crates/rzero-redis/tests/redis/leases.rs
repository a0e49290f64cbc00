//! Slots over all processes.

use std::time::Duration;

use rzero_core::Class;
use rzero_harness::RedisServer;
use rzero_redis::{DistributedConcurrency, LeaseConfig};

use crate::support::{clock_micros, connect, ms, until, with_time_left};

async fn slots(server: &RedisServer, slots: u32, lease: Duration) -> DistributedConcurrency {
    let redis = connect(server).await;
    DistributedConcurrency::new(redis, "jobs", &LeaseConfig { slots, lease }).unwrap()
}

#[tokio::test]
#[ignore = "needs redis"]
async fn slots_are_as_many_as_there_are() {
    let server = RedisServer::start().unwrap();
    let one = slots(&server, 2, ms(60_000)).await;
    let other = slots(&server, 2, ms(60_000)).await;
    let first = one.acquire("k").await.unwrap();
    let _second = other.acquire("k").await.unwrap();
    let full = one.acquire("k").await.unwrap_err();
    assert_eq!(full.class(), Class::Overloaded);
    let wait = full.retry_after().unwrap();
    assert!(wait > ms(30_000) && wait <= ms(60_000), "{wait:?}");
    let _elsewhere = one.acquire("l").await.unwrap();
    drop(first);
    until("the slot is free", async || {
        other.acquire("k").await.is_ok()
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_living_holder_keeps_its_slot() {
    let server = RedisServer::start().unwrap();
    let slots = slots(&server, 1, ms(1500)).await;
    let lease = slots.acquire("k").await.unwrap();
    let start = clock_micros(&server);
    until("a lease has long passed", async || {
        assert!(slots.acquire("k").await.is_err());
        clock_micros(&server) > start + 2_000_000
    })
    .await;
    assert!(lease.is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn a_crashed_holder_frees_its_slot_after_the_lease() {
    let server = RedisServer::start().unwrap();
    let endpoint = server.endpoint();
    let start = clock_micros(&server);
    // A process that ends without a word: its tasks stop where they are.
    let crash = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let lease = runtime.block_on(async {
            let config = crate::support::config(vec![endpoint]);
            let redis = rzero_redis::Redis::connect("crash", &config).await.unwrap();
            let config = LeaseConfig {
                slots: 1,
                lease: ms(1000),
            };
            let slots = DistributedConcurrency::new(redis, "jobs", &config).unwrap();
            slots.acquire("k").await.unwrap()
        });
        drop(runtime);
        assert!(lease.is_held());
    });
    crash.join().unwrap();
    let slots = slots(&server, 1, ms(1000)).await;
    until("the slot is free", async || {
        slots.acquire("k").await.is_ok()
    })
    .await;
    assert!(
        clock_micros(&server) >= start + 1_000_000,
        "not before the lease has ended"
    );
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_slot_that_redis_forgot_is_lost() {
    let server = RedisServer::start().unwrap();
    let slots = slots(&server, 1, ms(600)).await;
    let mut lease = slots.acquire("k").await.unwrap();
    server.cli(&["FLUSHALL"]).unwrap();
    lease.lost().await;
    assert!(!lease.is_held());
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_slot_taken_for_a_caller_who_left_is_given_back() {
    let server = RedisServer::start().unwrap();
    let slots = slots(&server, 1, ms(60_000)).await;
    drop(slots.acquire("warm").await.unwrap());
    server.pause().unwrap();
    let late = with_time_left(ms(50), slots.acquire("k")).await;
    assert_eq!(late.unwrap_err().class(), Class::DeadlineExceeded);
    server.resume().unwrap();
    until("the slot was given back", async || {
        slots.taken("k").await.unwrap() == 0
    })
    .await;
    let lease = slots.acquire("k").await.unwrap();
    assert!(lease.is_held());
}
