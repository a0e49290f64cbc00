//! Checked shares of a whole.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A value outside the range of its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutOfRange {
    expected: &'static str,
    found: f64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for OutOfRange {}

const RATIO: &str = "a ratio from 0 to 1";
const PERCENT: &str = "a whole percentage from 0 to 100";

/// A ratio; always from 0 to 1, never NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Ratio(f64);

impl Ratio {
    /// A ratio known when the program is written.
    ///
    /// # Panics
    ///
    /// If `ratio` is not from 0 to 1; in a `const` that is a compile error.
    pub const fn new(ratio: f64) -> Self {
        assert!(ratio >= 0.0 && ratio <= 1.0, "a ratio is from 0 to 1");
        Self(ratio)
    }

    /// A checked ratio.
    ///
    /// # Errors
    ///
    /// If `ratio` is not from 0 to 1.
    pub const fn try_new(ratio: f64) -> Result<Self, OutOfRange> {
        match ratio >= 0.0 && ratio <= 1.0 {
            true => Ok(Self(ratio)),
            false => Err(OutOfRange {
                expected: RATIO,
                found: ratio,
            }),
        }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(RatioVisitor)
    }
}

struct RatioVisitor;

impl Visitor<'_> for RatioVisitor {
    type Value = Ratio;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(RATIO)
    }

    fn visit_f64<E: de::Error>(self, ratio: f64) -> Result<Ratio, E> {
        Ratio::try_new(ratio).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, ratio: i64) -> Result<Ratio, E> {
        self.visit_f64(ratio as f64)
    }

    fn visit_u64<E: de::Error>(self, ratio: u64) -> Result<Ratio, E> {
        self.visit_f64(ratio as f64)
    }
}

/// A whole percentage; always from 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Percent(u8);

impl Percent {
    /// A percentage known when the program is written.
    ///
    /// # Panics
    ///
    /// If `percent` is more than 100; in a `const` that is a compile error.
    pub const fn new(percent: u8) -> Self {
        assert!(percent <= 100, "a percentage is from 0 to 100");
        Self(percent)
    }

    /// A checked percentage.
    ///
    /// # Errors
    ///
    /// If `percent` is more than 100.
    pub const fn try_new(percent: u8) -> Result<Self, OutOfRange> {
        match percent <= 100 {
            true => Ok(Self(percent)),
            false => Err(OutOfRange {
                expected: PERCENT,
                found: percent as f64,
            }),
        }
    }

    /// The number from 0 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The same share as a ratio.
    pub fn ratio(self) -> Ratio {
        Ratio(f64::from(self.0) / 100.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u8(PercentVisitor)
    }
}

struct PercentVisitor;

impl Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PERCENT)
    }

    fn visit_u64<E: de::Error>(self, percent: u64) -> Result<Percent, E> {
        let checked = u8::try_from(percent)
            .ok()
            .and_then(|percent| Percent::try_new(percent).ok());
        checked.ok_or_else(|| {
            E::custom(OutOfRange {
                expected: PERCENT,
                found: percent as f64,
            })
        })
    }

    fn visit_i64<E: de::Error>(self, percent: i64) -> Result<Percent, E> {
        match u64::try_from(percent) {
            Ok(percent) => self.visit_u64(percent),
            Err(_) => Err(E::custom(OutOfRange {
                expected: PERCENT,
                found: percent as f64,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_outside_the_range_are_refused() {
        for text in ["1.01", "-0.1", "2", "-1"] {
            let error = serde_json::from_str::<Ratio>(text).unwrap_err().to_string();
            assert!(error.contains("from 0 to 1"), "{text}: {error}");
        }
        assert!(Ratio::try_new(f64::NAN).is_err());
        assert_eq!(
            serde_json::from_str::<Ratio>("0.5").unwrap(),
            Ratio::new(0.5)
        );
        assert_eq!(serde_json::from_str::<Ratio>("1").unwrap(), Ratio::new(1.0));
    }

    #[test]
    fn percentages_outside_the_range_are_refused() {
        for text in ["101", "-1", "300", "0.5"] {
            let error = serde_json::from_str::<Percent>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains("from 0 to 100"), "{text}: {error}");
        }
        assert_eq!(
            serde_json::from_str::<Percent>("100").unwrap().ratio(),
            Ratio::new(1.0)
        );
    }
}
