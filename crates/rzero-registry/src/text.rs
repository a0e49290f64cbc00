//! Checked names: what a service and an instance may be called.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name of a service, in bytes.
const SERVICE_BYTES_MAX: usize = 128;
/// Longest id of an instance, in bytes: with a suffix it is still the name of a file.
const ID_BYTES_MAX: usize = 128;
/// How much of a wrong name an error repeats, in characters.
const SHOWN_CHARS: usize = 160;

/// A name that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct InvalidName {
    text: String,
    what: &'static str,
    rule: &'static str,
}

/// The name under which instances register and callers look them up, such as `user.rpc`.
///
/// 1 to 128 characters of `A-Z a-z 0-9 . _ - /`; the parts between slashes are neither empty nor
/// `.` nor `..`. Cloning never allocates.
///
/// ```
/// # use rzero_registry::ServiceName;
/// let name: ServiceName = "shop/user.rpc".parse()?;
/// assert_eq!(name.as_str(), "shop/user.rpc");
/// assert!("/user".parse::<ServiceName>().is_err());
/// # Ok::<(), rzero_registry::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(Arc<str>);

/// What tells two instances of a service apart; stays the same for the life of a process.
///
/// 1 to 128 characters of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit. Cloning never
/// allocates.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(Arc<str>);

macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}

text_newtype!(ServiceName);
text_newtype!(InstanceId);

impl ServiceName {
    fn check(text: &str) -> Result<(), InvalidName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        let good_part = |part: &str| !matches!(part, "" | "." | "..");
        if text.len() <= SERVICE_BYTES_MAX
            && text.bytes().all(allowed)
            && text.split('/').all(good_part)
        {
            return Ok(());
        }
        Err(InvalidName::new(
            text,
            "the name of a service",
            "use 1 to 128 of the characters A-Z a-z 0-9 . _ - and single slashes between parts",
        ))
    }
}

impl InstanceId {
    /// A new id of 16 random hexadecimal digits.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("{:016x}", random()).into())
    }

    fn check(text: &str) -> Result<(), InvalidName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if (1..=ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(allowed)
            && text.as_bytes()[0].is_ascii_alphanumeric()
        {
            return Ok(());
        }
        Err(InvalidName::new(
            text,
            "the id of an instance",
            "use 1 to 128 of the characters A-Z a-z 0-9 . _ - and begin with a letter or digit",
        ))
    }
}

impl InvalidName {
    fn new(text: &str, what: &'static str, rule: &'static str) -> Self {
        Self {
            text: text.chars().take(SHOWN_CHARS).collect(),
            what,
            rule,
        }
    }
}

/// 64 random bits. Every `RandomState` has its own keys, and those come from the system's random
/// numbers; good enough to tell names apart, not for secrets.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_keep_to_the_alphabet() {
        for good in ["a", "user.rpc", "shop/user_rpc-2", "a/b/c", "..a"] {
            assert!(good.parse::<ServiceName>().is_ok(), "{good}");
        }
        let long = "a".repeat(129);
        for bad in [
            "", "/a", "a/", "a//b", ".", "a/../b", "a b", "ä", "a:b", &long,
        ] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn instance_ids_are_single_words() {
        for good in ["0", "host-1.a_b"] {
            assert!(good.parse::<InstanceId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "-a", "a/b", "a b"] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn generated_ids_differ_and_are_valid() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| InstanceId::generate()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(
            ids.iter()
                .all(|id| id.as_str().parse::<InstanceId>().is_ok())
        );
    }

    #[test]
    fn wrong_names_say_the_rule() {
        let error = "a b".parse::<ServiceName>().unwrap_err().to_string();
        assert!(
            error.starts_with("`a b` is not the name of a service: use"),
            "{error}"
        );
    }
}
