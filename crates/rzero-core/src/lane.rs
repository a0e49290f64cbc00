//! The lane (gray colour) of a call or an instance.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name of a lane, in bytes.
const LANE_BYTES_MAX: usize = 32;

/// The lane of a call or an instance: the default lane, or a name of `[a-z0-9-]{1,32}`.
///
/// Eight bytes; cloning never allocates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(Option<Arc<Box<str>>>);

impl Lane {
    /// The default lane, on which calls travel that nobody coloured.
    #[must_use]
    pub const fn base() -> Self {
        Self(None)
    }

    /// Whether this is the default lane.
    #[must_use]
    pub fn is_base(&self) -> bool {
        self.0.is_none()
    }

    /// The name; empty for the default lane.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", |name| name)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_base() {
            "default"
        } else {
            self.as_str()
        })
    }
}

/// The text is not the name of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLane(String);

impl fmt::Display for InvalidLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a lane; use 1 to 32 characters of a-z, 0-9 and -",
            self.0
        )
    }
}

impl std::error::Error for InvalidLane {}

impl FromStr for Lane {
    type Err = InvalidLane;

    /// The empty text and `default` are the default lane.
    fn from_str(text: &str) -> Result<Self, InvalidLane> {
        if text.is_empty() || text == "default" {
            return Ok(Self::base());
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.len() > LANE_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(InvalidLane(text.chars().take(LANE_BYTES_MAX * 2).collect()));
        }
        Ok(Self(Some(Arc::new(text.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_default_are_the_base_lane() {
        assert!("".parse::<Lane>().unwrap().is_base());
        assert!("default".parse::<Lane>().unwrap().is_base());
        assert_eq!("gray".parse::<Lane>().unwrap().as_str(), "gray");
    }

    #[test]
    fn foreign_characters_are_refused() {
        assert!("Gray".parse::<Lane>().is_err());
        assert!("a".repeat(33).parse::<Lane>().is_err());
        assert!("a_b".parse::<Lane>().is_err());
    }
}
