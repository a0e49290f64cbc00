//! The handle of a Redis.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, ToRedisArgs};
use rzero_core::{Ambient, Error};
use tokio::time::{Instant, timeout_at};

use crate::config::{RedisConfig, Settings, Topology};
use crate::connect::Conn;
use crate::failure::{Failure, ends_connection};
use crate::link::Link;
use crate::script::{Script, is_unknown};

/// A Redis: one server, a cluster, or whichever server sentinels name. Cheap to clone; clones share
/// the connections.
///
/// Each command ends within the time that the call of this task has left (see [`Ambient`]) and
/// within `response_timeout`. Nothing is sent when no time is left, and nothing is repeated but what
/// a cluster has moved. Errors say whose fault it is: [`rzero_core::Class::ConnectFailed`] and
/// `Unavailable` when Redis is away, `ConnectionLost` when it went meanwhile, `DeadlineExceeded`
/// when the caller's time is up, `Internal` when it refuses what we asked.
///
/// Commands share connections: none may block (`BLPOP`) or change the connection (`SELECT`,
/// `SUBSCRIBE`, `MULTI` outside of an atomic pipeline).
#[derive(Clone, Debug)]
pub struct Redis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Arc<Settings>,
    links: Box<[Link]>,
    next: AtomicUsize,
}

impl Redis {
    /// The Redis that `[redis.<name>]` describes. Connects with the first command.
    ///
    /// # Errors
    /// When the configuration cannot work; the text names the key.
    pub fn new(name: &str, config: &RedisConfig) -> Result<Self, Error> {
        let settings = Arc::new(Settings::check(name, config)?);
        let links = match config.topology {
            // It has connections of its own to each node.
            Topology::Cluster => 1,
            Topology::Single | Topology::Sentinel => config.connections,
        };
        let links = (0..links).map(|_| Link::new(Arc::clone(&settings)));
        Ok(Self(Arc::new(Inner {
            links: links.collect(),
            settings,
            next: AtomicUsize::new(0),
        })))
    }

    /// The same, and makes sure that it answers.
    ///
    /// # Errors
    /// When the configuration cannot work or Redis does not answer in time.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(name: &str, config: &RedisConfig) -> Result<Self, Error> {
        let redis = Self::new(name, config)?;
        let within = config.connect_timeout + config.response_timeout;
        redis
            .within(within, None, ping)
            .await
            .map_err(|failure| redis.error(failure))?;
        Ok(redis)
    }

    /// The name of its section.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// How the servers work together.
    #[must_use]
    pub fn topology(&self) -> Topology {
        self.0.settings.config.topology
    }

    /// Asks whether it answers, for a health check. Of a cluster some nodes are asked.
    ///
    /// # Errors
    /// When it does not.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ping(&self) -> Result<(), Error> {
        let deadline = ambient_deadline();
        let asked = self.within(self.response_timeout(), deadline, ping);
        asked.await.map_err(|failure| self.error(failure))
    }

    /// Runs a command.
    ///
    /// # Errors
    /// As the type says.
    ///
    /// # Cancel safety
    /// Nobody knows whether a command that was sent will run.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let work = |mut conn| async move { command.query_async(&mut conn).await };
        let asked = self.within(self.response_timeout(), ambient_deadline(), work);
        asked.await.map_err(|failure| self.error(failure))
    }

    /// Runs several commands in one round trip; of a cluster, all keys must be in one slot.
    ///
    /// # Errors
    /// As the type says.
    ///
    /// # Cancel safety
    /// Nobody knows which of the commands that were sent will run.
    pub async fn pipe<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Error> {
        let work = |mut conn| async move { commands.query_async(&mut conn).await };
        let asked = self.within(self.response_timeout(), ambient_deadline(), work);
        asked.await.map_err(|failure| self.error(failure))
    }

    /// Runs a script in one round trip; in two where the server does not know it yet.
    ///
    /// # Errors
    /// As the type says.
    ///
    /// # Cancel safety
    /// Nobody knows whether a script that was sent will run.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        args: impl ToRedisArgs + Clone,
    ) -> Result<T, Error> {
        let (max, deadline) = (self.response_timeout(), ambient_deadline());
        let asked = self.run_within(max, deadline, script, keys, args);
        asked.await.map_err(|failure| self.error(failure))
    }

    pub(crate) async fn run_within<T: FromRedisValue>(
        &self,
        max: Duration,
        deadline: Option<Instant>,
        script: &Script,
        keys: &[&str],
        args: impl ToRedisArgs + Clone,
    ) -> Result<T, Failure> {
        let work = |mut conn: Conn| async move {
            let known = script.by_hash(keys, args.clone());
            match known.query_async(&mut conn).await {
                Err(error) if is_unknown(&error) => {
                    script.in_full(keys, args).query_async(&mut conn).await
                }
                outcome => outcome,
            }
        };
        self.within(max, deadline, work).await
    }

    /// Does something with a connection, within `max` and before `deadline`.
    pub(crate) async fn within<T, F>(
        &self,
        max: Duration,
        deadline: Option<Instant>,
        work: impl FnOnce(Conn) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let asked = Instant::now();
        let own = asked + max;
        let end = deadline.map_or(own, |deadline| deadline.min(own));
        if end <= asked {
            return Err(Failure::CallerLate);
        }
        let late = if end < own {
            Failure::CallerLate
        } else {
            Failure::Silent(max)
        };
        let link = self.link();
        let Ok(live) = timeout_at(end, link.get()).await else {
            return Err(late);
        };
        let live = live?;
        match timeout_at(end, work(live.conn.clone())).await {
            Ok(Ok(answer)) => {
                live.silence.broken();
                Ok(answer)
            }
            Ok(Err(error)) => {
                if ends_connection(&error) {
                    link.failed(&live);
                } else {
                    live.silence.broken();
                }
                Err(Failure::Answered(error))
            }
            Err(_) => {
                let patience = self.response_timeout();
                if live.silence.lasts(asked, Instant::now(), patience) {
                    tracing::warn!(redis = %self.name(), ?patience, "silent; reconnecting");
                    link.failed(&live);
                }
                Err(late)
            }
        }
    }

    pub(crate) fn error(&self, failure: Failure) -> Error {
        failure.error(self.name())
    }

    pub(crate) fn response_timeout(&self) -> Duration {
        self.0.settings.config.response_timeout
    }

    /// The links take turns.
    fn link(&self) -> &Link {
        let links = &self.0.links;
        match &**links {
            [only] => only,
            links => &links[self.0.next.fetch_add(1, Ordering::Relaxed) % links.len()],
        }
    }
}

async fn ping(mut conn: Conn) -> RedisResult<()> {
    redis::cmd("PING")
        .query_async::<redis::Value>(&mut conn)
        .await
        .map(drop)
}

/// When the call that this task works for has to be answered.
pub(crate) fn ambient_deadline() -> Option<Instant> {
    Ambient::with(|ambient| ambient.deadline).flatten()
}
