//! Durations as text with a unit: `#[serde(with = "rzero_config::duration")]`.
//!
//! Written as one or more whole numbers with the units `d`, `h`, `m`, `s`, `ms`, `us`, `ns`, the
//! larger first: `300ms`, `3s`, `7d`, `1m30s`. A number without a unit is an error, because
//! products disagree on whether it means seconds or milliseconds.
//!
//! ```
//! # use std::time::Duration;
//! #[derive(serde::Deserialize)]
//! struct Limits {
//!     #[serde(with = "rzero_config::duration")]
//!     timeout: Duration,
//!     #[serde(default, with = "rzero_config::duration::option")]
//!     idle: Option<Duration>,
//! }
//! let limits: Limits = toml::from_str(r#"timeout = "1m30s""#)?;
//! assert_eq!(limits.timeout, Duration::from_secs(90));
//! assert_eq!(limits.idle, None);
//! # Ok::<(), toml::de::Error>(())
//! ```

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

/// Units from the largest, in nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDurationError {
    text: String,
    why: String,
}

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a duration such as \"3s\", found text {:?}; {}",
            self.text, self.why
        )
    }
}

impl std::error::Error for ParseDurationError {}

/// Reads a duration such as `300ms`, `3s` or `1m30s`.
///
/// # Errors
///
/// A text without a unit, with an unknown unit, with a fraction, with units out of order, or
/// larger than `Duration::MAX`.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let fail = |why: String| {
        let text = text.chars().take(40).collect();
        Err(ParseDurationError { text, why })
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return fail("write a unit, e.g. \"3s\"".into());
    }
    let mut total: u128 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() || tail.starts_with(['.', ',']) {
            return fail("write whole numbers with units, e.g. \"1s500ms\"".into());
        }
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(end);
        let unit = if unit == "µs" { "us" } else { unit };
        if unit.is_empty() {
            return fail(format!("write a unit, e.g. \"{number}s\""));
        }
        let Some(index) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return fail("units are d, h, m, s, ms, us, ns".into());
        };
        if index < next_unit {
            return fail("write the larger unit first, each once, e.g. \"1m30s\"".into());
        }
        next_unit = index + 1;
        let nanos = number
            .parse::<u128>()
            .ok()
            .and_then(|n| n.checked_mul(UNITS[index].1));
        match nanos.and_then(|nanos| total.checked_add(nanos)) {
            Some(sum) if sum <= Duration::MAX.as_nanos() => total = sum,
            _ => return fail("it is too long".into()),
        }
        rest = after;
    }
    Ok(from_nanos(total))
}

fn from_nanos(nanos: u128) -> Duration {
    let secs = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % 1_000_000_000).expect("a remainder below 10^9 fits");
    Duration::new(secs, rest)
}

/// Writes a duration so that [`parse`] reads the same one: `1m30s`, `0s`.
pub fn format(duration: Duration) -> String {
    let mut left = duration.as_nanos();
    let mut text = String::new();
    for (name, nanos) in UNITS {
        if left >= nanos {
            write!(text, "{}{name}", left / nanos).expect("a String takes any text");
            left %= nanos;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// Writes a duration as text, for `#[serde(with)]`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// Reads a duration from text, for `#[serde(with)]`.
///
/// # Errors
///
/// A number instead of a text, or what [`parse`] refuses.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

struct DurationVisitor;

impl DurationVisitor {
    fn bare<E: de::Error>(kind: &str, number: impl fmt::Display, example: &str) -> E {
        E::custom(format_args!(
            "expected a duration such as \"3s\", found {kind} {number}; \
             write a unit, e.g. \"{example}\""
        ))
    }
}

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"3s\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Duration, E> {
        Err(Self::bare(
            "integer",
            number,
            &format!("{}s", number.unsigned_abs()),
        ))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Duration, E> {
        Err(Self::bare("integer", number, &format!("{number}s")))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Duration, E> {
        Err(Self::bare("number", number, "3s"))
    }
}

/// The same for `Option<Duration>`: `#[serde(default, with = "rzero_config::duration::option")]`.
///
/// Without `default` serde takes a missing key for an error.
pub mod option {
    use std::fmt;
    use std::time::Duration;

    use serde::de::{self, Deserializer, Visitor};
    use serde::ser::Serializer;

    /// Writes the duration as text, `None` as nothing.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&super::format(*duration)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration from text.
    ///
    /// # Errors
    ///
    /// As [`super::deserialize`].
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        deserializer.deserialize_option(OptionVisitor)
    }

    struct OptionVisitor;

    impl<'de> Visitor<'de> for OptionVisitor {
        type Value = Option<Duration>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as \"3s\", or nothing")
        }

        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            super::deserialize(deserializer).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn written_durations_are_read() {
        for (text, millis) in [
            ("300ms", 300),
            ("3s", 3_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
            ("1m30s", 90_000),
            ("1h0m1s", 3_601_000),
            (" 0s ", 0),
        ] {
            assert_eq!(
                parse(text).unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
        assert_eq!(parse("5µs").unwrap(), Duration::from_micros(5));
    }

    #[test]
    fn wrong_durations_say_what_to_write() {
        for (text, part) in [
            ("3", "write a unit, e.g. \"3s\""),
            ("", "write a unit"),
            ("0", "write a unit"),
            ("3 s", "units are"),
            ("3w", "units are"),
            ("3S", "units are"),
            ("1.5s", "1s500ms"),
            ("-3s", "whole numbers"),
            ("s", "whole numbers"),
            ("30s1m", "larger unit first"),
            ("1s1s", "larger unit first"),
            ("1m30", "write a unit, e.g. \"30s\""),
            ("99999999999999999999d", "too long"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn printed_duration_reads_back(secs: u64, nanos in 0u32..1_000_000_000) {
            let duration = Duration::new(secs, nanos);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn near_misses_are_read_without_panic(text in "[0-9dhmsµnu. -]{0,40}") {
            let _ = parse(&text);
        }
    }
}
