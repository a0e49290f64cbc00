//! The keys of `[policy]`, as they are written, and what they become.

mod balance;
mod breaker;
mod limit;
mod retry;
mod shed;
mod store;

use std::time::Duration;

use rzero_config::{Error, OrNever, Section};
use rzero_core::Priority;
use serde::{Deserialize, Serialize};

pub(crate) use balance::{OutlierKeys, SlowStartKeys, SubsetKeys, ZoneKeys};
pub(crate) use breaker::BreakerKeys;
pub(crate) use limit::{BulkheadKeys, ConcurrencyKeys, RateKeys};
pub(crate) use retry::{BudgetKeys, HedgeKeys, RetryKeys};
pub(crate) use shed::ShedKeys;
pub(crate) use store::StoreKeys;

use crate::{ClientPolicy, MethodPolicy, Off, OnCancel, PolicyName, Side};

/// What may stand in `[policy]` and in a rule.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Values {
    pub(crate) timeout: Option<OrNever>,
    pub(crate) stream_timeout: Option<OrNever>,
    #[serde(with = "rzero_config::duration::option")]
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) on_cancel: OnCancel,
    pub(crate) priority: PriorityKey,
    pub(crate) breaker: BreakerKeys,
    pub(crate) retry: RetryKeys,
    pub(crate) hedge: HedgeKeys,
    pub(crate) concurrency: ConcurrencyKeys,
    pub(crate) budget: BudgetKeys,
    pub(crate) outlier: OutlierKeys,
    pub(crate) slow_start: SlowStartKeys,
    pub(crate) subset: SubsetKeys,
    pub(crate) zone: ZoneKeys,
    pub(crate) off: Off,
}

/// Keys of [`Values`] that only servers have.
pub(crate) const OF_SERVERS: &[&str] = &["on_cancel", "priority", "concurrency"];
/// Keys of [`Values`] that only clients have.
pub(crate) const OF_CLIENTS: &[&str] = &["attempt_timeout", "retry", "hedge"];
/// Keys of [`Values`] that only clients have, for all calls to a target together.
pub(crate) const OF_TARGETS: &[&str] = &["budget", "outlier", "slow_start", "subset", "zone"];
/// Keys inside of tables of methods that are of a whole target nevertheless.
pub(crate) const CAPS_OF_TARGETS: &[&str] = &["hedge.calls_ratio_max", "hedge.cancels_per_second"];

/// How willing a loaded server is to answer, as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PriorityKey {
    Sheddable,
    #[default]
    Normal,
    Critical,
}

impl PriorityKey {
    const fn get(self) -> Priority {
        match self {
            Self::Sheddable => Priority::Sheddable,
            Self::Normal => Priority::Normal,
            Self::Critical => Priority::Critical,
        }
    }
}

/// A value makes no sense: its key, given from the table at hand, and what to write.
#[derive(Debug)]
pub(crate) struct Wrong {
    key: String,
    text: String,
}

pub(crate) type Checked<T> = Result<T, Wrong>;

impl Wrong {
    pub(crate) fn new(key: &str, text: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            text: text.into(),
        }
    }

    /// From the texts of the policies themselves, which begin with the key.
    pub(crate) fn leading(text: &str) -> Self {
        let in_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let end = text.find(|c| !in_key(c)).unwrap_or(text.len());
        let (key, rest) = text.split_at(end);
        Self::new(key, rest.trim_start_matches([':', ' ']))
    }

    /// The same, seen from the table around.
    pub(crate) fn below(mut self, table: &str) -> Self {
        self.key = format!("{table}.{}", self.key);
        self
    }

    /// The same with the name that the key has in configuration.
    pub(crate) fn renamed(mut self, from: &str, to: &str) -> Self {
        if self.key == from {
            self.key = to.to_owned();
        }
        self
    }

    /// With the place in `section`, from which the key is given.
    pub(crate) fn placed(self, section: &Section) -> Error {
        section.error_at(&self.key, self.text)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

const TIME_MIN: Duration = Duration::from_millis(1);
const TIME_MAX: Duration = Duration::from_hours(365 * 24);

/// Times of calls: 1 ms to a year.
fn call_time(key: &str, time: Option<Duration>) -> Checked<()> {
    match time {
        Some(time) if !(TIME_MIN..=TIME_MAX).contains(&time) => {
            let time = rzero_config::duration::format(time);
            let text = format!("{time} is out of range, write \"1ms\" to \"365d\"");
            Err(Wrong::new(key, text))
        }
        _ => Ok(()),
    }
}

impl Values {
    /// What holds for a method.
    pub(crate) fn method(&self, side: Side) -> Checked<MethodPolicy> {
        let time = |time: Option<OrNever>| time.and_then(OrNever::time);
        call_time("timeout", time(self.timeout))?;
        call_time("stream_timeout", time(self.stream_timeout))?;
        call_time("attempt_timeout", self.attempt_timeout)?;
        let off = self.off;
        let on = |name| !off.contains(name);
        let breaker = self.breaker.settings(side, on(PolicyName::Breaker));
        let retry = self.retry.policy(on(PolicyName::Retry));
        let mut hedge = self.hedge.hedge().map_err(|wrong| wrong.below("hedge"))?;
        hedge.enabled &= on(PolicyName::Hedge);
        let concurrency = self.concurrency.config();
        let mut concurrency = concurrency.map_err(|wrong| wrong.below("concurrency"))?;
        if !on(PolicyName::Concurrency) {
            concurrency = Default::default();
        }
        let mut retry = retry.map_err(|wrong| wrong.below("retry"))?;
        retry.attempt_timeout = self.attempt_timeout;
        Ok(MethodPolicy {
            timeout: self.timeout,
            stream_timeout: self.stream_timeout,
            on_cancel: self.on_cancel,
            priority: self.priority.get(),
            breaker: breaker.map_err(|wrong| wrong.below("breaker"))?,
            retry,
            hedge,
            concurrency,
            off,
        })
    }

    /// What holds for a whole target.
    pub(crate) fn target(&self) -> Checked<ClientPolicy> {
        let off = self.off;
        let on = |name| !off.contains(name);
        let outlier = self.outlier.config(on(PolicyName::Outlier));
        let slow_start = self.slow_start.config(on(PolicyName::SlowStart));
        let subset = self.subset.config(on(PolicyName::Subset));
        let zone = self.zone.policy(on(PolicyName::Zone));
        let mut hedge = self.hedge.hedge().map_err(|wrong| wrong.below("hedge"))?;
        hedge.enabled &= on(PolicyName::Hedge);
        let budget = self.budget.config();
        Ok(ClientPolicy {
            budget: budget.map_err(|wrong| wrong.below("budget"))?,
            hedge,
            outlier: outlier.map_err(|wrong| wrong.below("outlier"))?,
            slow_start: slow_start.map_err(|wrong| wrong.below("slow_start"))?,
            subset: subset.map_err(|wrong| wrong.below("subset"))?,
            zone: zone.map_err(|wrong| wrong.below("zone"))?,
            off,
        })
    }
}
