//! What the tests share.

use std::future::Future;
use std::time::Duration;

use rzero_core::{
    Ambient, CallInfo, Idempotency, Kind, Metadata, Method, MethodDesc, ServiceDesc, scope,
};
use rzero_harness::RedisServer;
use rzero_redis::{Redis, RedisConfig};
use rzero_resilience::limit::{RateRule, RateScope};
use tokio::time::{Instant, sleep};

pub(crate) static ORDERS: ServiceDesc = ServiceDesc {
    name: "shop.Orders",
    methods: &METHODS,
    files: &[],
};

static METHODS: [MethodDesc; 2] = [
    method("/shop.Orders/Get", "Get", 0),
    method("/shop.Orders/Put", "Put", 1),
];

const fn method(path: &'static str, name: &'static str, index: u16) -> MethodDesc {
    MethodDesc {
        path,
        service: "shop.Orders",
        name,
        kind: Kind::Unary,
        idempotency: Idempotency::Unknown,
        index,
    }
}

/// A call of the method at `index` by somebody called `caller`.
pub(crate) fn call(index: usize, caller: &str) -> CallInfo {
    let mut call = CallInfo::new(Method::new(&METHODS[index]), Instant::now());
    let mut metadata = Metadata::new();
    metadata.insert("x-rz-caller", caller.to_owned()).unwrap();
    call.set_metadata(Some(metadata.into()));
    call
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn config(addresses: Vec<String>) -> RedisConfig {
    RedisConfig {
        addresses,
        // A loaded machine is slow, and no test is about that.
        connect_timeout: ms(10_000),
        response_timeout: ms(10_000),
        reconnect_max: ms(50),
        ..RedisConfig::default()
    }
}

pub(crate) async fn connect(server: &RedisServer) -> Redis {
    let config = config(vec![server.endpoint()]);
    Redis::connect("test", &config).await.unwrap()
}

pub(crate) fn rule(name: &str, rate: u32, burst: u32) -> RateRule {
    RateRule {
        name: name.to_owned(),
        rate,
        burst,
        scope: RateScope::Distributed,
        ..RateRule::default()
    }
}

/// Does `work` for a call that has `left` to be answered.
pub(crate) async fn with_time_left<F: Future>(left: Duration, work: F) -> F::Output {
    let ambient = Ambient {
        deadline: Some(Instant::now() + left),
        ..Ambient::default()
    };
    scope(ambient, work).await
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !condition().await {
            sleep(ms(10)).await;
        }
    };
    let within = Duration::from_secs(30);
    let outcome = tokio::time::timeout(within, waited).await;
    assert!(outcome.is_ok(), "{what}: not within {within:?}");
}

/// Microseconds on the server's clock.
pub(crate) fn clock_micros(server: &RedisServer) -> u64 {
    let time = server.cli(&["TIME"]).unwrap();
    let (seconds, micros) = time.split_once('\n').unwrap();
    let number = |text: &str| text.trim().parse::<u64>().unwrap();
    number(seconds) * 1_000_000 + number(micros)
}

/// How often a command was called since [`reset_counts`].
pub(crate) fn count(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]).unwrap();
    let prefix = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&*prefix));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

pub(crate) fn reset_counts(server: &RedisServer) {
    server.cli(&["CONFIG", "RESETSTAT"]).unwrap();
}
