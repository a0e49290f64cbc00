//! Sizes as text with a unit.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes, written with a unit: `512B`, `64KiB`, `1MiB`, `10MB`.
///
/// `KiB`, `MiB`, `GiB`, `TiB` count in 1024, `KB`, `MB`, `GB`, `TB` in 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// A size in bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size in units of 1024 bytes; saturates.
    pub const fn kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// A size in units of 1024² bytes; saturates.
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as a `usize`; saturates where that is smaller than 64 bits.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Writes the largest unit that divides the size, so that reading gives the same size.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0 >= unit.1 && self.0.is_multiple_of(unit.1);
        let (name, bytes) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / bytes)
    }
}

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseByteSizeError {
    text: String,
    why: String,
}

impl fmt::Display for ParseByteSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a size such as \"64KiB\", found text {:?}; {}",
            self.text, self.why
        )
    }
}

impl std::error::Error for ParseByteSizeError {}

impl FromStr for ByteSize {
    type Err = ParseByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |why: String| {
            let text = text.chars().take(40).collect();
            Err(ParseByteSizeError { text, why })
        };
        let trimmed = text.trim();
        let unit = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &trimmed[..trimmed.len() - unit.len()];
        if number.is_empty() || unit.starts_with(['.', ',']) {
            return fail("write a whole number with a unit, e.g. \"64KiB\"".into());
        }
        if unit.is_empty() {
            return fail(format!("write a unit, e.g. \"{number}B\""));
        }
        // One blank before the unit is common in writing: `64 KiB`.
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return fail("units are B, KiB, MiB, GiB, TiB, KB, MB, GB, TB".into());
        };
        match number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*bytes))
        {
            Some(bytes) => Ok(Self(bytes)),
            None => fail("it is too large".into()),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ByteSizeVisitor)
    }
}

struct ByteSizeVisitor;

impl Visitor<'_> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as \"64KiB\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ByteSize, E> {
        self.visit_u64(number.unsigned_abs())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ByteSize, E> {
        Err(E::custom(format_args!(
            "expected a size such as \"64KiB\", found integer {number}; \
             write a unit, e.g. \"{number}B\""
        )))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn written_sizes_are_read() {
        for (text, bytes) in [
            ("512B", 512),
            ("64KiB", 65_536),
            ("1MiB", 1_048_576),
            ("10MB", 10_000_000),
            ("2 GiB", 2_147_483_648),
            ("0B", 0),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes, "{text}");
        }
    }

    #[test]
    fn wrong_sizes_say_what_to_write() {
        for (text, part) in [
            ("512", "write a unit, e.g. \"512B\""),
            ("", "whole number"),
            ("-1B", "whole number"),
            ("1.5MiB", "whole number"),
            ("64kib", "units are"),
            ("64K", "units are"),
            ("99999999TiB", "too large"),
        ] {
            let error = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_print_in_the_largest_exact_unit() {
        for (size, text) in [
            (ByteSize::kib(64), "64KiB"),
            (ByteSize::mib(1), "1MiB"),
            (ByteSize::new(10_000_000), "10MB"),
            (ByteSize::new(1_500), "1500B"),
            (ByteSize::new(0), "0B"),
        ] {
            assert_eq!(size.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn printed_size_reads_back(bytes: u64) {
            prop_assert_eq!(ByteSize::new(bytes).to_string().parse(), Ok(ByteSize::new(bytes)));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
