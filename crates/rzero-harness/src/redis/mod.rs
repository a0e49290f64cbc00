//! Real Redis servers: one alone, a cluster, or two with a sentinel.

mod cluster;
mod options;
mod ping;
mod sentinel;
mod server;

pub use cluster::RedisCluster;
pub use options::RedisOptions;
pub(crate) use ping::answers;
pub use sentinel::RedisSentinel;
pub use server::RedisServer;
