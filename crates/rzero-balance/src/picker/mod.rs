//! The question every policy answers, and the policies.

use std::fmt;
use std::sync::Arc;

use rzero_core::CallInfo;
use tokio::time::Instant;

use crate::NodeStats;

mod consistent_hash;
mod p2c;
mod random;
mod round_robin;

pub(crate) use consistent_hash::ConsistentHash;
pub(crate) use p2c::P2c;
pub(crate) use random::Random;
pub(crate) use round_robin::RoundRobin;

/// A node that may be picked.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Hash of the instance id, equal in all clients: [`instance_key`](crate::instance_key).
    /// Consistent hashing places nodes by it.
    pub key: u64,
    /// Its share relative to the others; 0 takes no calls at all.
    pub weight: u32,
    /// Its statistics, the same ones in every snapshot that holds the node.
    pub stats: Arc<NodeStats>,
}

/// An immutable snapshot of candidates that chooses one per call: no lock, no allocation, time
/// independent of the number of nodes. Shared by all threads.
pub trait Picker: fmt::Debug + Send + Sync {
    /// The index of the candidate that takes `call`; begin the call on its statistics.
    ///
    /// `avoid` is the node of the previous attempt, an index into the same snapshot: it is chosen
    /// only when it is the only one. `None` when no candidate has a weight above 0.
    fn pick(&self, call: &CallInfo, now: Instant, avoid: Option<usize>) -> Option<usize>;
}
