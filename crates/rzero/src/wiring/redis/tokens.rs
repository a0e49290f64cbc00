//! Tokens of applications in Redis, as go-zero keeps them.

use rzero_config::Secret;
use rzero_core::{BoxFuture, Result};
use rzero_redis::Redis;
use rzero_redis::redis::cmd;
use rzero_server::TokenStore;

/// A hash with the tokens by name of the application.
#[derive(Clone)]
pub(super) struct RedisTokens {
    redis: Redis,
    key: String,
}

impl RedisTokens {
    pub(super) fn new(redis: &Redis, key: String) -> Self {
        let redis = redis.clone();
        Self { redis, key }
    }
}

impl TokenStore for RedisTokens {
    fn token<'a>(&'a self, app: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        Box::pin(async move {
            let command = cmd("HGET").arg(&self.key).arg(app).to_owned();
            let token: Option<String> = self.redis.query(&command).await?;
            Ok(token.map(Secret::new))
        })
    }
}
