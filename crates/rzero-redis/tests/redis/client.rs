//! The handle: deadlines, errors, and coming back.

use rzero_core::{Class, Error};
use rzero_harness::{Certificates, Fault, FaultProxy, RedisOptions, RedisServer};
use rzero_redis::redis::{cmd, pipe};
use rzero_redis::{Redis, RedisTls};

use crate::support::{config, connect, count, ms, reset_counts, until, with_time_left};

async fn get(redis: &Redis, key: &str) -> Result<Option<String>, Error> {
    redis.query(cmd("GET").arg(key)).await
}

#[tokio::test]
#[ignore = "needs redis"]
async fn commands_and_pipelines_are_answered() {
    let server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    let _: () = redis.query(cmd("SET").arg("a").arg(1)).await.unwrap();
    let mut both = pipe();
    both.cmd("INCR").arg("a").cmd("GET").arg("b");
    let answers: (i64, Option<String>) = redis.pipe(&both).await.unwrap();
    assert_eq!(answers, (2, None));
    redis.ping().await.unwrap();
}

#[tokio::test]
#[ignore = "needs redis"]
async fn nothing_is_sent_when_no_time_is_left() {
    let server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    reset_counts(&server);
    let error = with_time_left(ms(0), get(&redis, "k")).await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    redis.ping().await.unwrap();
    assert_eq!((count(&server, "get"), count(&server, "ping")), (0, 1));
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_hung_server_takes_no_more_time_than_the_call_has() {
    let server = RedisServer::start().unwrap();
    let mut quick = config(vec![server.endpoint()]);
    quick.response_timeout = ms(200);
    let redis = Redis::connect("main", &quick).await.unwrap();
    server.pause().unwrap();
    let late = with_time_left(ms(50), get(&redis, "k")).await.unwrap_err();
    assert_eq!(late.class(), Class::DeadlineExceeded);
    let silent = get(&redis, "k").await.unwrap_err();
    assert_eq!(silent.class(), Class::Unavailable);
    assert_eq!(silent.message(), "redis `main`: no answer in 200ms");
    server.resume().unwrap();
    until("it answers again", async || redis.ping().await.is_ok()).await;
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_server_that_returns_is_used_again() {
    let mut server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    server.kill().unwrap();
    until("it is known to be away", async || {
        let error = redis.ping().await.unwrap_err();
        error.class() == Class::ConnectFailed
    })
    .await;
    server.restart().unwrap();
    until("it answers again", async || redis.ping().await.is_ok()).await;
    assert_eq!(get(&redis, "k").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn a_connection_that_says_nothing_is_replaced() {
    let server = RedisServer::start().unwrap();
    let proxy = FaultProxy::start(server.endpoint()).unwrap();
    let mut quick = config(vec![proxy.endpoint()]);
    quick.response_timeout = ms(100);
    quick.connect_timeout = ms(1000);
    let redis = Redis::connect("main", &quick).await.unwrap();
    assert_eq!(proxy.accepted(), 1);
    proxy.set(Fault::Blackhole);
    until("another one is tried", async || {
        redis.ping().await.unwrap_err();
        proxy.accepted() > 1
    })
    .await;
    proxy.set(Fault::Forward);
    until("it answers again", async || redis.ping().await.is_ok()).await;
}

#[tokio::test]
#[ignore = "needs redis"]
async fn several_connections_take_turns() {
    let server = RedisServer::start().unwrap();
    let proxy = FaultProxy::start(server.endpoint()).unwrap();
    let mut several = config(vec![proxy.endpoint()]);
    several.connections = 3;
    let redis = Redis::new("main", &several).unwrap();
    for _ in 0..9 {
        redis.ping().await.unwrap();
    }
    assert_eq!(proxy.accepted(), 3);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_wrong_password_is_our_mistake_and_never_shown() {
    let options = RedisOptions::new().arg("--requirepass").arg("secret");
    let server = RedisServer::start_with(&options).unwrap();
    let with = async |password: Option<&str>| {
        let mut login = config(vec![server.endpoint()]);
        login.password = password.map(Into::into);
        Redis::connect("main", &login).await
    };
    let redis = with(Some("secret")).await.unwrap();
    assert!(!format!("{redis:?}").contains("secret"));
    let error = with(Some("hunter2")).await.unwrap_err();
    assert_eq!(error.class(), Class::Internal, "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    let error = with(None).await.unwrap_err();
    assert_eq!(error.class(), Class::Internal, "{error:?}");
}

#[tokio::test]
#[ignore = "needs redis"]
async fn what_redis_refuses_is_our_mistake() {
    let server = RedisServer::start().unwrap();
    let redis = connect(&server).await;
    let _: () = redis.query(cmd("LPUSH").arg("list").arg(1)).await.unwrap();
    let error = get(&redis, "list").await.unwrap_err();
    assert_eq!(error.class(), Class::Internal);
    assert_eq!(error.message(), "redis `test`: answered WRONGTYPE");
    let _: () = redis.query(cmd("SET").arg("text").arg("x")).await.unwrap();
    let number: Result<i64, Error> = redis.query(cmd("GET").arg("text")).await;
    assert_eq!(number.unwrap_err().class(), Class::BadAnswer);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn tls_shows_and_checks_certificates() {
    let certificates = Certificates::generate("client").unwrap();
    let server = RedisServer::start_with(&RedisOptions::new().tls(certificates.clone())).unwrap();
    let file = |name: &str, pem: &str| {
        let path = server.folder().join(name);
        std::fs::write(&path, pem).unwrap();
        Some(path)
    };
    let tls = RedisTls {
        ca: file("ca.pem", &certificates.authority),
        cert: file("client.pem", &certificates.client),
        key: file("client.key", &certificates.client_key),
    };
    let mut secure = config(vec![server.tls_endpoint().unwrap()]);
    secure.tls = Some(tls.clone());
    Redis::connect("main", &secure).await.unwrap();
    let stranger = Certificates::generate("stranger").unwrap();
    secure.tls = Some(RedisTls {
        ca: file("stranger.pem", &stranger.authority),
        ..tls
    });
    let error = Redis::connect("main", &secure).await.unwrap_err();
    assert_eq!(error.class(), Class::ConnectFailed, "{error:?}");
}
