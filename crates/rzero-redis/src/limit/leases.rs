//! How many may do something at once, over all processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rzero_core::{Class, Error};
use serde::Deserialize;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::key::limit_key;
use crate::client::{Redis, ambient_deadline};
use crate::failure::Failure;
use crate::script::Script;

/// Takes or renews a slot. Arguments: holder, slots, lease in microseconds, and whether a slot that
/// the holder no longer has may be taken anew. Answers 0, or after how many microseconds the first
/// slot becomes free if its holder does not renew it.
const TAKE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local lease = tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
local free = redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[2])
if not held and not (free and ARGV[4] == '1') then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
  if not first then return 1 end
  return math.max(1, tonumber(first) - now)
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease), ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((last - now) / 1000)))
return 0
";

const RELEASE: &str = r"return redis.call('ZREM', KEYS[1], ARGV[1])";

const LEASE_MIN: Duration = Duration::from_millis(100);
const LEASE_MAX: Duration = Duration::from_secs(86_400);

/// Settings of a [`DistributedConcurrency`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeaseConfig {
    /// How many may hold a slot of one key at once; 1 or more. Default 1.
    pub slots: u32,
    /// How long the slot of a holder that crashed stays taken, 100 ms to 1 d. One that lives renews
    /// it three times as often. Default 30 s.
    #[serde(with = "rzero_config::duration")]
    pub lease: Duration,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        Self {
            slots: 1,
            lease: Duration::from_secs(30),
        }
    }
}

impl LeaseConfig {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        if self.slots == 0 {
            return Err("slots: is 0; write how many may hold one at once".to_owned());
        }
        if !(LEASE_MIN..=LEASE_MAX).contains(&self.lease) {
            return Err(format!(
                "lease: {:?} is not within 100ms and 1d",
                self.lease
            ));
        }
        Ok(())
    }
}

/// Slots for each of many keys, for all processes together: how many may do something at once.
///
/// Who holds a slot holds it on a lease, which is renewed as long as the [`Lease`] lives; a process
/// that crashed gives its slots back when their leases end. Leases are members of a sorted set,
/// scored by their ends on the clock of the server.
///
/// A slot is no lock: a holder that was cut off from Redis for longer than its lease may work on
/// while somebody else has the slot ([`Lease::lost`] tells it). It bounds load; it does not make
/// anything exclusive.
#[derive(Clone, Debug)]
pub struct DistributedConcurrency(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    redis: Redis,
    name: String,
    config: LeaseConfig,
    take: Script,
    release: Script,
    /// Tells holders of this process apart from one another, and its beginning from other processes.
    holder: String,
    taken: AtomicU64,
}

impl DistributedConcurrency {
    /// Slots called `name`.
    ///
    /// # Errors
    /// What [`LeaseConfig::validate`] says.
    pub fn new(redis: Redis, name: &str, config: &LeaseConfig) -> Result<Self, Error> {
        config.validate().map_err(Error::invalid_input)?;
        Ok(Self(Arc::new(Inner {
            redis,
            name: name.to_owned(),
            config: config.clone(),
            take: Script::new(TAKE),
            release: Script::new(RELEASE),
            holder: unique(),
            taken: AtomicU64::new(0),
        })))
    }

    /// Takes a slot of `key`. Does not wait for one.
    ///
    /// # Errors
    /// With class `Overloaded` when all are taken, and after which time one becomes free at the
    /// latest if its holder has crashed; else as [`Redis`] says.
    ///
    /// # Cancel safety
    /// Safe: a slot that was taken for a caller who left is given back.
    pub async fn acquire(&self, key: &str) -> Result<Lease, Error> {
        let inner = &self.0;
        let number = inner.taken.fetch_add(1, Ordering::Relaxed);
        let slot = Slot {
            inner: Arc::clone(inner),
            key: format!("{}:slots", limit_key(&inner.name, key)),
            holder: format!("{}-{number}", inner.holder),
        };
        // From here on a task owns the slot: it gives it back however this future ends.
        let (taken, answer) = oneshot::channel();
        let (held, watch) = watch::channel(true);
        let (ended, wanted) = oneshot::channel();
        // It is no part of the call, for it has to do this when the call is cancelled.
        tokio::spawn(slot.hold(taken, held, wanted));
        match before(ambient_deadline(), answer).await {
            None => return Err(inner.redis.error(Failure::CallerLate)),
            Some(Err(_)) => return Err(Error::internal("the task that takes a slot was stopped")),
            Some(Ok(outcome)) => outcome?,
        }
        Ok(Lease {
            held: watch,
            _ended: ended,
        })
    }

    /// How many slots of `key` are taken, ended leases included that nobody has looked at yet.
    ///
    /// # Errors
    /// As [`Redis`] says.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn taken(&self, key: &str) -> Result<u32, Error> {
        let key = format!("{}:slots", limit_key(&self.0.name, key));
        self.0.redis.query(redis::cmd("ZCARD").arg(key)).await
    }
}

/// A slot that this process holds; dropping it gives it back.
#[derive(Debug)]
#[must_use = "dropping a lease gives the slot back"]
pub struct Lease {
    held: watch::Receiver<bool>,
    /// Dropped with us, which tells the task that keeps the slot.
    _ended: oneshot::Sender<()>,
}

impl Lease {
    /// Whether the slot is ours, as far as is known.
    #[must_use]
    pub fn is_held(&self) -> bool {
        *self.held.borrow()
    }

    /// Waits until the slot is lost: Redis could not be reached for the length of the lease, or has
    /// forgotten it.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn lost(&mut self) {
        // An error means that the task ended, and nobody renews any more.
        let _ = self.held.wait_for(|held| !held).await;
    }
}

#[derive(Debug)]
struct Slot {
    inner: Arc<Inner>,
    key: String,
    holder: String,
}

impl Slot {
    /// Takes the slot, keeps it until nobody wants it, and gives it back.
    async fn hold(
        self,
        taken: oneshot::Sender<Result<(), Error>>,
        held: watch::Sender<bool>,
        mut wanted: oneshot::Receiver<()>,
    ) {
        let mut asked = Instant::now();
        let outcome = self.take(true).await;
        // A command whose answer was lost may have taken the slot.
        let in_doubt = !matches!(&outcome, Err(error) if error.class() == Class::Overloaded);
        let is_ours = outcome.is_ok();
        if taken.send(outcome).is_err() || !is_ours {
            if in_doubt {
                self.release().await;
            }
            return;
        }
        let lease = self.inner.config.lease;
        let mut safe_until = asked + lease;
        loop {
            tokio::select! {
                _ = &mut wanted => return self.release().await,
                () = sleep_until(asked + lease / 3) => {}
            }
            asked = Instant::now();
            match self.take(false).await {
                Ok(()) => safe_until = asked + lease,
                Err(error) if error.class() == Class::Overloaded || asked >= safe_until => {
                    tracing::warn!(slots = %self.inner.name, "a slot was lost");
                    held.send_replace(false);
                    return;
                }
                // Redis is away, the lease is not over.
                Err(_) => {}
            }
        }
    }

    /// Takes the slot anew, or renews it.
    async fn take(&self, anew: bool) -> Result<(), Error> {
        let config = &self.inner.config;
        let micros = u64::try_from(config.lease.as_micros()).unwrap_or(u64::MAX);
        let args = (&self.holder, config.slots, micros, u8::from(anew));
        let script = &self.inner.take;
        let busy: u64 = self.inner.redis.run(script, &[&self.key], args).await?;
        match busy {
            0 => Ok(()),
            wait => Err(Error::overloaded("all slots are taken")
                .with_retry_after(Duration::from_micros(wait))),
        }
    }

    /// Gives the slot back. If that fails the end of its lease does.
    async fn release(&self) {
        let (redis, script) = (&self.inner.redis, &self.inner.release);
        let released: Result<u64, Error> = redis.run(script, &[&self.key], &self.holder).await;
        if let Err(error) = released {
            tracing::debug!(slots = %self.inner.name, %error, "a slot is left to its lease");
        }
    }
}

/// The output of `work`, or `None` when it is not there by `deadline`.
async fn before<F: Future>(deadline: Option<Instant>, work: F) -> Option<F::Output> {
    match deadline {
        None => Some(work.await),
        Some(deadline) => timeout_at(deadline, work).await.ok(),
    }
}

/// A text that no other process has.
fn unique() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new();
    format!(
        "{:016x}{:016x}",
        random.hash_one(0_u8),
        random.hash_one(1_u8)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_name_the_field() {
        let check = |slots, lease| {
            let lease = Duration::from_millis(lease);
            LeaseConfig { slots, lease }.validate()
        };
        assert!(LeaseConfig::default().validate().is_ok());
        assert!(check(0, 1000).unwrap_err().starts_with("slots:"));
        assert!(check(1, 99).unwrap_err().starts_with("lease:"));
    }

    #[test]
    fn holders_differ() {
        assert_ne!(unique(), unique());
    }
}
