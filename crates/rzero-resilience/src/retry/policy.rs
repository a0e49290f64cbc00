//! What an operator says about retries.

use std::fmt;
use std::time::Duration;

use rzero_core::Class;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use super::Replay;

/// Most retries that a policy may ask for; more are a storm, not a policy.
const RETRIES_MAX: u8 = 10;

/// How calls are tried again. Plain data, so it may change between two calls.
///
/// The delay before retry n (from 0) is `base` × 2ⁿ, at most `cap`, ±`jitter`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Retries after the first attempt, 0 to 10, default 3; 0 switches retries off.
    pub max_retries: u8,
    /// Delay before the first retry, default 25 ms; 1 ms to `cap`.
    pub base: Duration,
    /// Longest delay before jitter, default 1 s; at most 1 min.
    pub cap: Duration,
    /// By which share delays vary in either direction, so that callers that failed together do
    /// not come back together; 0 to 1, default 0.2; 0 is off.
    pub jitter: f64,
    /// Time for each attempt, at least 1 ms; what is left of the call wins when it is shorter.
    /// Default `None`: an attempt may use all the time of the call.
    pub attempt_timeout: Option<Duration>,
    /// How often a call that was never sent goes to another node at once, 0 to 10, default 2.
    /// These use the budget and do not count as retries.
    pub max_repicks: u8,
    /// Largest request that is kept to be sent again, in bytes, default 64 KiB.
    pub buffer_bytes: usize,
    /// The failures that are retried, by reason, such as `["CONNECT", "UNAVAILABLE"]`. Default:
    /// all. A list narrows; it cannot make a failure safe to repeat that is not.
    pub on: Classes,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base: Duration::from_millis(25),
            cap: Duration::from_secs(1),
            jitter: 0.2,
            attempt_timeout: None,
            max_repicks: 2,
            buffer_bytes: 64 << 10,
            on: Classes::ALL,
        }
    }
}

impl Policy {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the key that is wrong and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let millis = Duration::from_millis(1);
        let wrong = |key: &str, rule: &str| Err(format!("{key}: must be {rule}"));
        if self.max_retries > RETRIES_MAX {
            return wrong("max_retries", "0 to 10; 0 switches retries off");
        }
        if self.max_repicks > RETRIES_MAX {
            return wrong("max_repicks", "0 to 10");
        }
        if self.cap < millis || self.cap > Duration::from_secs(60) {
            return wrong("cap", "1 ms to 1 min");
        }
        if self.base < millis || self.base > self.cap {
            return wrong("base", "at least 1 ms and not over `cap`");
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return wrong("jitter", "0 to 1, such as 0.2 for 20 % either way");
        }
        if self.attempt_timeout.is_some_and(|time| time < millis) {
            return wrong("attempt_timeout", "at least 1 ms, or absent");
        }
        Ok(())
    }

    /// The delay before retry `n`, counted from 0; `random` is 0 to 1.
    #[must_use]
    pub fn delay(&self, n: u8, random: f64) -> Duration {
        let grown = self.base.saturating_mul(1_u32 << n.min(20)).min(self.cap);
        if self.jitter == 0.0 {
            return grown;
        }
        let factor = 1.0 + self.jitter * (2.0 * random.clamp(0.0, 1.0) - 1.0);
        grown.mul_f64(factor.max(0.0))
    }

    /// Whether a request of so many bytes, all of it at hand, is kept to be sent again.
    #[must_use]
    pub fn replay(&self, bytes: usize) -> Replay {
        match bytes <= self.buffer_bytes {
            true => Replay::Kept,
            false => Replay::IfUnsent,
        }
    }
}

/// A set of error classes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Classes(u32);

impl Classes {
    /// Every class.
    pub const ALL: Self = Self(u32::MAX);
    /// No class.
    pub const NONE: Self = Self(0);

    /// The same set with `class`.
    #[must_use]
    pub fn with(self, class: Class) -> Self {
        Self(self.0 | Self::bit(class))
    }

    /// Whether `class` is in the set.
    #[must_use]
    pub fn contains(self, class: Class) -> bool {
        self.0 & Self::bit(class) != 0
    }

    fn bit(class: Class) -> u32 {
        let at = Class::ALL.iter().position(|known| *known == class);
        at.map_or(0, |at| 1 << at)
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all");
        }
        let held = Class::ALL.iter().filter(|class| self.contains(**class));
        f.debug_set().entries(held.map(|c| c.reason())).finish()
    }
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reasons)
    }
}

struct Reasons;

impl<'de> Visitor<'de> for Reasons {
    type Value = Classes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of reasons, such as [\"CONNECT\", \"UNAVAILABLE\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Classes, A::Error> {
        let mut set = Classes::NONE;
        while let Some(reason) = list.next_element::<String>()? {
            let class = Class::ALL.iter().find(|class| class.reason() == reason);
            let unknown = || {
                let all: Vec<&str> = Class::ALL.iter().map(|class| class.reason()).collect();
                de::Error::custom(format!("no reason `{reason}`; one of {}", all.join(", ")))
            };
            set = set.with(*class.ok_or_else(unknown)?);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_bit() {
        assert!(Class::ALL.len() <= 32);
        for &class in Class::ALL {
            let one = Classes::NONE.with(class);
            assert!(one.contains(class) && Classes::ALL.contains(class));
            assert_eq!(one.0.count_ones(), 1);
        }
    }

    #[test]
    fn reasons_are_read_from_configuration() {
        let policy: Policy =
            serde_json::from_str(r#"{"on": ["CONNECT"], "max_retries": 1}"#).unwrap();
        assert!(policy.on.contains(Class::ConnectFailed));
        assert!(!policy.on.contains(Class::Unavailable));
        assert_eq!(policy.base, Policy::default().base);
        let wrong = serde_json::from_str::<Policy>(r#"{"on": ["CONECT"]}"#).unwrap_err();
        assert!(wrong.to_string().contains("CONECT"), "{wrong}");
        assert!(serde_json::from_str::<Policy>(r#"{"retries": 1}"#).is_err());
    }

    #[test]
    fn wrong_values_are_named() {
        Policy::default().validate().unwrap();
        let key = |change: fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            let error = policy.validate().unwrap_err();
            error.split(':').next().unwrap().to_owned()
        };
        assert_eq!(key(|p| p.max_retries = 11), "max_retries");
        assert_eq!(key(|p| p.max_repicks = 11), "max_repicks");
        assert_eq!(key(|p| p.cap = Duration::from_secs(61)), "cap");
        assert_eq!(key(|p| p.base = Duration::from_secs(2)), "base");
        assert_eq!(key(|p| p.jitter = f64::NAN), "jitter");
        assert_eq!(
            key(|p| p.attempt_timeout = Some(Duration::ZERO)),
            "attempt_timeout"
        );
    }

    #[test]
    fn delays_double_up_to_the_cap_and_stay_within_the_jitter() {
        let policy = Policy::default();
        let exact = Policy {
            jitter: 0.0,
            ..policy
        };
        for (n, millis) in [(0, 25), (1, 50), (2, 100), (5, 800), (6, 1000), (255, 1000)] {
            let middle = Duration::from_millis(millis);
            assert_eq!(exact.delay(n, 0.9), middle);
            for random in [0.0, 0.3, 1.0] {
                let delay = policy.delay(n, random);
                assert!(delay >= middle.mul_f64(0.79) && delay <= middle.mul_f64(1.21));
            }
        }
    }
}
