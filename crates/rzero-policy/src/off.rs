//! Policies that are switched off by name.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A policy that can be switched off by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyName {
    /// The circuit breaker, on both sides.
    Breaker,
    /// Load shedding of a server.
    Shed,
    /// The limit of a method on calls at once.
    Concurrency,
    /// The rate limits of a server.
    Rate,
    /// Retries and re-picks of a client.
    Retry,
    /// Hedging of a client.
    Hedge,
    /// Ejection of failing nodes; of a whole target.
    Outlier,
    /// Slow start of new nodes; of a whole target.
    SlowStart,
    /// Subsets of very many nodes; of a whole target.
    Subset,
    /// Preference for the own zone; of a whole target.
    Zone,
}

impl PolicyName {
    /// Every policy with a name.
    pub const ALL: &'static [Self] = &[
        Self::Breaker,
        Self::Shed,
        Self::Concurrency,
        Self::Rate,
        Self::Retry,
        Self::Hedge,
        Self::Outlier,
        Self::SlowStart,
        Self::Subset,
        Self::Zone,
    ];

    /// The name as it is written in `off`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Shed => "shed",
            Self::Concurrency => "concurrency",
            Self::Rate => "rate",
            Self::Retry => "retry",
            Self::Hedge => "hedge",
            Self::Outlier => "outlier",
            Self::SlowStart => "slow_start",
            Self::Subset => "subset",
            Self::Zone => "zone",
        }
    }

    /// Whether it holds for all calls to a target together, so that no single method can be
    /// without it.
    #[must_use]
    pub const fn is_of_target(self) -> bool {
        matches!(
            self,
            Self::Outlier | Self::SlowStart | Self::Subset | Self::Zone
        )
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The policies that are switched off.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Off(u16);

impl Off {
    /// None is off.
    pub const NONE: Self = Self(0);

    /// The same set with `name`.
    #[must_use]
    pub const fn with(self, name: PolicyName) -> Self {
        Self(self.0 | name.bit())
    }

    /// Whether `name` is off.
    #[must_use]
    pub const fn contains(self, name: PolicyName) -> bool {
        self.0 & name.bit() != 0
    }

    /// The names, in the order of [`PolicyName::ALL`].
    pub fn iter(self) -> impl Iterator<Item = PolicyName> {
        let all = PolicyName::ALL.iter().copied();
        all.filter(move |name| self.contains(*name))
    }
}

impl fmt::Debug for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Off {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Off {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Off;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names of policies, such as [\"shed\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Off, A::Error> {
        let mut off = Off::NONE;
        while let Some(name) = list.next_element()? {
            off = off.with(name);
        }
        Ok(off)
    }
}
