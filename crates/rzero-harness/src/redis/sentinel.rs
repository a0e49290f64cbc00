//! Servers of which one leads, and a sentinel that says which.

use std::time::Duration;

use super::{RedisOptions, RedisServer};
use crate::deadline::Deadline;
use crate::error::HarnessError;

/// How long everybody may take to know everybody. Two seconds are normal.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);

/// Two Redis servers, a master and its replica, with a sentinel that makes the replica master when
/// the master dies. All are owned by this value.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [RedisServer; 2],
    sentinel: RedisServer,
}

impl RedisSentinel {
    /// The name by which the sentinel knows the master.
    pub const MASTER: &str = "main";

    /// Starts all three and waits until the sentinel knows the replica. A master that is silent for
    /// 300 ms is taken for dead.
    ///
    /// # Errors
    ///
    /// As [`RedisServer::start_with`].
    pub fn start() -> Result<Self, HarnessError> {
        let quick = || {
            RedisOptions::new()
                .arg("--repl-diskless-sync-delay")
                .arg("0")
        };
        let master = RedisServer::start_with(&quick())?;
        let port = master.address().port().to_string();
        let follow = quick().arg("--replicaof").arg("127.0.0.1").arg(&port);
        let replica = RedisServer::start_with(&follow)?;
        let name = Self::MASTER;
        let sentinel = RedisServer::start_with(&RedisOptions::sentinel(format!(
            "sentinel monitor {name} 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds {name} 300\n\
             sentinel failover-timeout {name} 2000\n"
        )))?;
        let all = Self {
            servers: [master, replica],
            sentinel,
        };
        all.wait_known()?;
        Ok(all)
    }

    /// Where clients ask who leads, as `127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        self.sentinel.endpoint()
    }

    /// The two servers, to hurt and to heal them; the first began as the master.
    pub fn servers(&mut self) -> &mut [RedisServer; 2] {
        &mut self.servers
    }

    fn wait_known(&self) -> Result<(), HarnessError> {
        let known = Deadline::after(KNOWN_WITHIN).poll(|| {
            let synced = self.servers[1].cli(&["INFO", "replication"])?;
            let seen = self.sentinel.cli(&["INFO", "sentinel"])?;
            let ready = synced.contains("master_link_status:up") && seen.contains("slaves=1");
            Ok::<_, HarnessError>(ready.then_some(()))
        })?;
        known.ok_or_else(|| HarnessError::NotReady {
            server: "the sentinel".to_owned(),
            waited: KNOWN_WITHIN,
            log: self.sentinel.cli(&["INFO", "sentinel"]).unwrap_or_default(),
        })
    }
}
