//! Times that may also be `never`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::duration;

/// A time after which something happens, written as a duration or as `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrNever {
    /// It does not happen.
    Never,
    /// It happens after this time.
    After(Duration),
}

impl OrNever {
    /// The time; `None` for never.
    #[must_use]
    pub const fn time(self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::After(time) => Some(time),
        }
    }
}

impl Serialize for OrNever {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_str("never"),
            Self::After(time) => duration::serialize(time, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OrNever {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OrNeverVisitor)
    }
}

struct OrNeverVisitor;

impl Visitor<'_> for OrNeverVisitor {
    type Value = OrNever;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"3s\", or \"never\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OrNever, E> {
        match text.trim() {
            "never" => Ok(OrNever::Never),
            text => duration::parse(text).map(OrNever::After).map_err(E::custom),
        }
    }

    // A number lacks its unit: the same words as for every other duration.
    fn visit_i64<E: Error>(self, number: i64) -> Result<OrNever, E> {
        duration::deserialize(number.into_deserializer()).map(OrNever::After)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<OrNever, E> {
        duration::deserialize(number.into_deserializer()).map(OrNever::After)
    }
}
