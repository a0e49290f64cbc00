//! The name of a service.

use crate::error::GenerateError;
use crate::names::case;

/// Longest name: it becomes a DNS label in a cluster.
const MAX_LENGTH: usize = 63;

/// Names that a crate cannot have or that would hide one that the code uses.
const RESERVED: &[&str] = &[
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "proc_macro",
    "rzero",
    "rzero-testing",
    "rzero_testing",
    "std",
    "test",
    "tests",
    "tokio",
];

/// A checked name of a service: lower case letters, digits, `-` and `_`, starting with a letter,
/// at most 63 characters, no Rust keyword.
///
/// ```
/// use rzero_codegen::ServiceName;
///
/// # fn main() -> Result<(), rzero_codegen::GenerateError> {
/// let name = ServiceName::new("user-api")?;
/// assert_eq!(name.package(), "user_api");
/// assert_eq!(name.service(), "UserApi");
/// assert!(ServiceName::new("User").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName(String);

impl ServiceName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Name`] with the rule that is broken.
    pub fn new(name: &str) -> Result<Self, GenerateError> {
        let refuse = |reason| {
            Err(GenerateError::Name {
                name: name.to_owned(),
                reason,
            })
        };
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return refuse("it must start with a lower case letter");
        }
        if !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
        {
            return refuse("only lower case letters, digits, `-` and `_` may be in it");
        }
        if name.ends_with(['-', '_']) || name.contains("--") || name.contains("__") {
            return refuse("`-` and `_` must stand between letters or digits");
        }
        if name.len() > MAX_LENGTH {
            return refuse("it is longer than 63 characters");
        }
        if RESERVED.contains(&name) {
            return refuse("cargo or the generated code needs this name");
        }
        if case::sanitize(name) != name {
            return refuse("it is a keyword of Rust");
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as given; also the name of crate and binary.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The protobuf package of its first contract.
    #[must_use]
    pub fn package(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The service in its first contract.
    #[must_use]
    pub fn service(&self) -> String {
        case::camel(&self.0)
    }

    /// The crate as code names it.
    pub(super) fn crate_ident(&self) -> String {
        super::crate_ident(&self.0)
    }

    /// The name as a DNS label.
    pub(super) fn dns_label(&self) -> String {
        self.0.replace('_', "-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names_are_refused() {
        for name in [
            "", "Greeter", "9lives", "a b", "a-", "a--b", "test", "async", "a/b", "é",
        ] {
            assert!(ServiceName::new(name).is_err(), "{name}");
        }
    }
}
