//! How much traffic an instance takes, relative to its siblings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest weight.
const WEIGHT_MAX: u32 = 10_000;

/// How much traffic an instance takes, relative to its siblings: 0 to 10,000, default 100. An
/// instance of weight 0 takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Weight(u32);

/// A weight above 10,000.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weight {0} is too large: use 0 (no traffic) to 10000, 100 is usual")]
pub struct InvalidWeight(u32);

impl Weight {
    /// No traffic.
    pub const ZERO: Self = Self(0);

    /// A weight.
    ///
    /// # Errors
    ///
    /// Above 10,000.
    pub const fn new(weight: u32) -> Result<Self, InvalidWeight> {
        if weight > WEIGHT_MAX {
            return Err(InvalidWeight(weight));
        }
        Ok(Self(weight))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u32> for Weight {
    type Error = InvalidWeight;

    fn try_from(weight: u32) -> Result<Self, InvalidWeight> {
        Self::new(weight)
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_end_at_ten_thousand() {
        assert_eq!(Weight::new(10_000).unwrap().get(), 10_000);
        assert!(Weight::new(10_001).is_err());
        assert_eq!(Weight::default().get(), 100);
    }
}
