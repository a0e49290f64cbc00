//! A quota per period that all processes share, as go-zero's `PeriodLimit` counts it.

use rzero_core::Error;
use rzero_resilience::limit::{PeriodConfig, PeriodState};

use crate::client::Redis;
use crate::script::Script;

/// Counts and tells where the count stands. Arguments: the period in seconds, and seconds that local
/// time is ahead of UTC, or nothing when windows are not aligned.
const TAKE: &str = r"
local count = redis.call('INCRBY', KEYS[1], 1)
if count == 1 then
  local seconds = tonumber(ARGV[1])
  if ARGV[2] then
    local now = redis.call('TIME')[1] + ARGV[2]
    seconds = seconds - now % seconds
  end
  redis.call('EXPIRE', KEYS[1], seconds)
end
return count
";

/// A quota per period for each of many keys, for all processes together.
///
/// It counts in keys `<prefix><key>` by `INCRBY` and `EXPIRE`, as go-zero does, so that services of
/// both count together. What it says of quotas and windows is said at
/// [`PeriodLimit`](rzero_resilience::limit::PeriodLimit), which counts in one process; aligned
/// windows go by the clock of the server.
///
/// When Redis is away it says so and leaves it to the caller what that means.
#[derive(Clone, Debug)]
pub struct DistributedPeriod {
    redis: Redis,
    script: Script,
    prefix: String,
    quota: u64,
    args: Vec<i64>,
}

impl DistributedPeriod {
    /// A quota counted under `prefix`; of `config` the `capacity` means nothing here.
    ///
    /// # Errors
    /// What [`PeriodConfig::validate`] says, and when the period is not whole seconds.
    pub fn new(redis: Redis, prefix: &str, config: &PeriodConfig) -> Result<Self, Error> {
        config.validate().map_err(Error::invalid_input)?;
        let seconds = config.period.as_secs();
        if config.period.subsec_nanos() != 0 {
            return Err(Error::invalid_input(format!(
                "period: {:?} is not whole seconds; a quota in Redis has no finer ones",
                config.period
            )));
        }
        let mut args = vec![i64::try_from(seconds).unwrap_or(i64::MAX)];
        args.extend(config.align.then_some(i64::from(config.utc_offset_seconds)));
        Ok(Self {
            redis,
            script: Script::new(TAKE),
            prefix: prefix.to_owned(),
            quota: config.quota.into(),
            args,
        })
    }

    /// Takes one of `key`'s quota, and tells how it stands.
    ///
    /// # Errors
    /// When Redis does not answer, as [`Redis`] says.
    ///
    /// # Cancel safety
    /// A take that is dropped may have been counted.
    pub async fn take(&self, key: &str) -> Result<PeriodState, Error> {
        let key = format!("{}{key}", self.prefix);
        let count: u64 = self.redis.run(&self.script, &[&key], &self.args).await?;
        Ok(state(count, self.quota))
    }
}

fn state(count: u64, quota: u64) -> PeriodState {
    match count.cmp(&quota) {
        std::cmp::Ordering::Less => PeriodState::Allowed,
        std::cmp::Ordering::Equal => PeriodState::HitQuota,
        std::cmp::Ordering::Greater => PeriodState::OverQuota,
    }
}
