//! The harness against real Redis servers.

use rzero_harness::{
    RedisCluster, RedisOptions, RedisSentinel, RedisServer, ServerRecord, is_alive, records,
};

#[test]
#[ignore = "needs redis"]
fn killed_server_returns_empty_at_its_address() {
    let mut redis = RedisServer::start().unwrap();
    let endpoint = redis.endpoint();
    redis.cli(&["SET", "key", "value"]).unwrap();
    assert_eq!(redis.cli(&["GET", "key"]).unwrap(), "value");
    redis.kill().unwrap();
    assert!(redis.pid().is_none() && redis.cli(&["PING"]).is_err());
    redis.restart().unwrap();
    assert_eq!(redis.endpoint(), endpoint);
    assert_eq!(redis.cli(&["DBSIZE"]).unwrap(), "0");
}

#[test]
#[ignore = "needs redis"]
fn paused_server_is_killed_with_its_guard() {
    let redis = RedisServer::start().unwrap();
    let (pid, folder) = (redis.pid().unwrap(), redis.folder().to_owned());
    redis.pause().unwrap();
    drop(redis);
    assert!(!is_alive(pid) && !folder.exists());
}

#[test]
#[ignore = "needs redis"]
fn server_is_recorded_where_it_runs() {
    let redis = RedisServer::start().unwrap();
    let recorded = records(redis.folder()).unwrap();
    assert_eq!(recorded.len(), 1);
    assert!(recorded[0].runs_in(redis.folder()) && ServerRecord::is_healthy(&recorded[0]));
}

#[test]
#[ignore = "needs redis"]
fn server_with_a_password_counts_as_ready() {
    let options = RedisOptions::new().arg("--requirepass").arg("secret");
    let redis = RedisServer::start_with(&options).unwrap();
    assert!(redis.cli(&["GET", "key"]).is_err());
    assert_eq!(redis.cli(&["-a", "secret", "DBSIZE"]).unwrap(), "0");
}

#[test]
#[ignore = "needs redis"]
fn cluster_keeps_keys_of_all_slots() {
    let mut cluster = RedisCluster::start(3).unwrap();
    assert_eq!(cluster.endpoints().len(), 3);
    for n in 0..50 {
        let key = format!("key-{n}");
        let set = cluster.nodes()[0].cli(&["-c", "SET", &key, "x"]).unwrap();
        assert_eq!(set, "OK");
    }
    let kept = cluster.nodes().iter().map(|node| node.cli(&["DBSIZE"]));
    let kept: Vec<u32> = kept.map(|text| text.unwrap().parse().unwrap()).collect();
    assert_eq!(kept.iter().sum::<u32>(), 50);
    assert!(kept.iter().all(|count| *count > 0), "{kept:?}");
}

#[test]
#[ignore = "needs redis"]
fn sentinel_names_the_master() {
    let mut servers = RedisSentinel::start().unwrap();
    let leads = |server: &RedisServer| {
        let role = server.cli(&["INFO", "replication"]).unwrap();
        role.contains("role:master")
    };
    let [master, replica] = servers.servers();
    assert!(leads(master) && !leads(replica));
}
