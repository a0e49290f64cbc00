//! Real Redis servers: one alone, or a cluster.

mod cluster;
mod options;
mod ping;
mod server;

pub use cluster::RedisCluster;
pub use options::RedisOptions;
pub(crate) use ping::answers;
pub use server::RedisServer;
