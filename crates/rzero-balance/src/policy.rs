//! Which policy balances a service, as an operator writes it.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

use crate::nodes::Nodes;
use crate::picker::{ConsistentHash, P2c, Random, RoundRobin};
use crate::{Candidate, Picker, Randomness, SlowStart};

const P2C: &str = "p2c_ewma";
const ROUND_ROBIN: &str = "weighted_round_robin";
const CONSISTENT_HASH: &str = "consistent_hash";
const RANDOM: &str = "random";
const NAMES: &[&str] = &[P2C, ROUND_ROBIN, CONSISTENT_HASH, RANDOM];

/// How nodes are chosen. Written as a name, or as a table where there is something to set:
///
/// ```
/// # use rzero_balance::{LoadFactor, Policy};
/// let plain: Policy = serde_json::from_str(r#""p2c_ewma""#)?;
/// assert_eq!(plain, Policy::default());
/// let table = r#"{ "consistent_hash": { "load_factor": 1.5 } }"#;
/// let load_factor = LoadFactor::try_from(1.5)?;
/// assert_eq!(serde_json::from_str::<Policy>(table)?, Policy::ConsistentHash { load_factor });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Policy {
    /// `p2c_ewma` (default): of two nodes drawn the less loaded one, by latency and calls in
    /// flight. Follows weights, slow nodes get less, new ones start slowly.
    #[default]
    P2c,
    /// `weighted_round_robin`: in turn, as often as the weight says, spread evenly.
    WeightedRoundRobin,
    /// `consistent_hash`: calls with the same hash key go to the same node as long as it has
    /// room. Calls without a hash key are placed by [`P2c`](Self::P2c). No slow start: a key
    /// belongs to a node from the first moment.
    ConsistentHash {
        /// How much of its fair share of the calls in flight a node takes. Default 1.25.
        load_factor: LoadFactor,
    },
    /// `random`: drawn in proportion to weights.
    Random,
}

impl Policy {
    /// A snapshot of `candidates` that picks by this policy; made on every discovery change.
    ///
    /// Candidates without a latency sample are given the median of the others, and start with a
    /// tenth of their weight, which grows for 30 s, unless all are new: the default
    /// [`SlowStart`].
    #[must_use]
    pub fn picker(&self, candidates: Vec<Candidate>, now: Instant) -> Box<dyn Picker> {
        let slow_start = SlowStart::default();
        self.picker_with(candidates, now, slow_start, Randomness::per_thread())
    }

    /// [`picker`](Self::picker) with a [valid](SlowStart::validate) slow start and dice of the caller's choice; seeded dice
    /// make simulations repeatable.
    #[must_use]
    pub fn picker_with(
        &self,
        candidates: Vec<Candidate>,
        now: Instant,
        slow_start: SlowStart,
        random: Randomness,
    ) -> Box<dyn Picker> {
        let nodes = Nodes::new(candidates, now, slow_start);
        match *self {
            Self::P2c => Box::new(P2c::new(nodes, now, random)),
            Self::WeightedRoundRobin => Box::new(RoundRobin::new(nodes, random)),
            Self::ConsistentHash { load_factor } => {
                Box::new(ConsistentHash::new(nodes, now, random, load_factor))
            }
            Self::Random => Box::new(Random::new(nodes, random)),
        }
    }

    /// Its name in configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::P2c => P2C,
            Self::WeightedRoundRobin => ROUND_ROBIN,
            Self::ConsistentHash { .. } => CONSISTENT_HASH,
            Self::Random => RANDOM,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            P2C => Ok(Self::P2c),
            ROUND_ROBIN => Ok(Self::WeightedRoundRobin),
            CONSISTENT_HASH => Ok(Self::ConsistentHash {
                load_factor: LoadFactor::default(),
            }),
            RANDOM => Ok(Self::Random),
            _ => Err(UnknownPolicy(name.to_owned())),
        }
    }
}

/// There is no policy of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPolicy(String);

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown balancer {:?}, write one of {}",
            self.0,
            NAMES.join(", ")
        )
    }
}

impl std::error::Error for UnknownPolicy {}

/// How far above its fair share of the calls in flight a node may go: 1.05 to 10, default 1.25.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct LoadFactor(f64);

impl LoadFactor {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Default for LoadFactor {
    fn default() -> Self {
        Self(1.25)
    }
}

impl TryFrom<f64> for LoadFactor {
    type Error = InvalidLoadFactor;

    fn try_from(factor: f64) -> Result<Self, InvalidLoadFactor> {
        (1.05..=10.0)
            .contains(&factor)
            .then_some(Self(factor))
            .ok_or(InvalidLoadFactor(factor))
    }
}

impl From<LoadFactor> for f64 {
    fn from(factor: LoadFactor) -> Self {
        factor.0
    }
}

/// The number is no load factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidLoadFactor(f64);

impl fmt::Display for InvalidLoadFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "load_factor {} is out of range, write 1.05 to 10",
            self.0
        )
    }
}

impl std::error::Error for InvalidLoadFactor {}

/// What may be set of consistent hashing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConsistentHashTable {
    load_factor: LoadFactor,
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Table {
            load_factor: LoadFactor,
        }
        match *self {
            Self::ConsistentHash { load_factor } if load_factor != LoadFactor::default() => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(CONSISTENT_HASH, &Table { load_factor })?;
                map.end()
            }
            _ => serializer.serialize_str(self.name()),
        }
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PolicyVisitor)
    }
}

struct PolicyVisitor;

impl<'de> Visitor<'de> for PolicyVisitor {
    type Value = Policy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a balancer ({})", NAMES.join(", "))?;
        f.write_str(" or a table of one such name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Policy, E> {
        name.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Policy, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let policy = match name.parse().map_err(de::Error::custom)? {
            Policy::ConsistentHash { .. } => {
                let ConsistentHashTable { load_factor } = map.next_value()?;
                Policy::ConsistentHash { load_factor }
            }
            other => {
                let Empty {} = map.next_value()?;
                other
            }
        };
        match map.next_entry::<String, IgnoredAny>()? {
            None => Ok(policy),
            Some((second, _)) => Err(de::Error::custom(format_args!(
                "two balancers, {name:?} and {second:?}: write only one"
            ))),
        }
    }
}

/// A table in which nothing may be set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_and_write_back() {
        for name in NAMES {
            let text = format!("{name:?}");
            let policy: Policy = serde_json::from_str(&text).unwrap();
            assert_eq!(policy.name(), *name);
            assert_eq!(serde_json::to_string(&policy).unwrap(), text);
        }
        let load_factor = LoadFactor::try_from(2.0).unwrap();
        let policy = Policy::ConsistentHash { load_factor };
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(text, r#"{"consistent_hash":{"load_factor":2.0}}"#);
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }

    #[test]
    fn mistakes_are_named_with_the_fix() {
        let error = |text: &str| {
            serde_json::from_str::<Policy>(text)
                .unwrap_err()
                .to_string()
        };
        assert!(error(r#""p2c""#).contains("write one of p2c_ewma, weighted_round_robin"));
        let factor = error(r#"{"consistent_hash":{"load_factor":0.5}}"#);
        assert!(factor.contains("load_factor 0.5 is out of range, write 1.05 to 10"));
        assert!(error(r#"{"consistent_hash":{"factor":2}}"#).contains("unknown field `factor`"));
        assert!(error(r#"{"random":{}, "p2c_ewma":{}}"#).contains("write only one"));
        assert!(error("{}").contains("the name of a balancer"));
    }
}
