//! Whichever server a sentinel names.

use rzero_core::Error;
use rzero_harness::RedisSentinel;
use rzero_redis::redis::cmd;
use rzero_redis::{DistributedRates, Redis, Topology};

use crate::support::{config, rule, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis"]
async fn the_next_master_is_followed() {
    let mut servers = RedisSentinel::start().unwrap();
    let mut config = config(vec![servers.endpoint()]);
    config.topology = Topology::Sentinel;
    config.master = Some(RedisSentinel::MASTER.to_owned());
    let redis = Redis::connect("main", &config).await.unwrap();
    let rates = DistributedRates::new(redis.clone(), &[], &[rule("r", 100, 20)]).unwrap();
    rates.take("r", "k", 1).await.unwrap();
    servers.servers()[0].kill().unwrap();
    until("its successor takes writes", async || {
        let written: Result<(), Error> = redis.query(cmd("SET").arg("a").arg(1)).await;
        written.is_ok()
    })
    .await;
    let role = servers.servers()[1].cli(&["INFO", "replication"]).unwrap();
    assert!(role.contains("role:master"), "{role}");
    until("it counts there", async || {
        !rates.take("r", "k", 1).await.unwrap().degraded
    })
    .await;
}
