//! A cluster of Redis servers, each of which keeps a part of the keys.

use std::time::Duration;

use super::{RedisOptions, RedisServer};
use crate::deadline::Deadline;
use crate::error::HarnessError;

/// Hash slots of a Redis cluster.
const SLOTS: usize = 16_384;
/// How long the nodes may take to agree. Half a second is normal.
const AGREED_WITHIN: Duration = Duration::from_secs(30);

/// A Redis cluster on 127.0.0.1, without replicas, owned by this value. A node that is killed takes
/// its keys with it, and the others go on with theirs.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster of `nodes` nodes, held between 1 and 6, and waits until all of them agree
    /// on who keeps what.
    ///
    /// # Errors
    ///
    /// As [`RedisServer::start_with`]; [`HarnessError::NotReady`] when they do not agree in 30 s.
    pub fn start(nodes: usize) -> Result<Self, HarnessError> {
        let options = RedisOptions::new()
            .arg("--cluster-enabled")
            .arg("yes")
            .arg("--cluster-node-timeout")
            .arg("1000")
            .arg("--cluster-require-full-coverage")
            .arg("no");
        let nodes = (0..nodes.clamp(1, 6)).map(|_| RedisServer::start_with(&options));
        let cluster = Self {
            nodes: nodes.collect::<Result<_, _>>()?,
        };
        cluster.join()?;
        cluster.wait_agreed()?;
        Ok(cluster)
    }

    /// The addresses of all nodes, `127.0.0.1:port`.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::endpoint).collect()
    }

    /// All nodes, to hurt and to heal them.
    pub fn nodes(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// Hands out the slots and introduces the nodes to one another.
    fn join(&self) -> Result<(), HarnessError> {
        let count = self.nodes.len();
        for (at, node) in self.nodes.iter().enumerate() {
            let first = (SLOTS * at / count).to_string();
            let last = (SLOTS * (at + 1) / count - 1).to_string();
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()])?;
        }
        for node in &self.nodes[1..] {
            let (port, bus) = (node.address().port().to_string(), node.bus().to_string());
            self.nodes[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        Ok(())
    }

    fn wait_agreed(&self) -> Result<(), HarnessError> {
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        let agreed = Deadline::after(AGREED_WITHIN).poll(|| {
            for node in &self.nodes {
                let info = node.cli(&["CLUSTER", "INFO"])?;
                let all_slots = info.contains("cluster_slots_ok:16384");
                if !(info.contains("cluster_state:ok") && all_slots && info.contains(&known)) {
                    return Ok(None);
                }
            }
            Ok::<_, HarnessError>(Some(()))
        })?;
        agreed.ok_or_else(|| HarnessError::NotReady {
            server: "the redis cluster".to_owned(),
            waited: AGREED_WITHIN,
            log: self.nodes[0].cli(&["CLUSTER", "NODES"]).unwrap_or_default(),
        })
    }
}
