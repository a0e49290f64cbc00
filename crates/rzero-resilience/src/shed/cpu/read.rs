//! Reading small files of the kernel.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file that could not be read or understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    path: PathBuf,
    why: String,
}

impl Unreadable {
    pub(super) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for Unreadable {}

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, Unreadable> {
    std::fs::read_to_string(path).map_err(|e| Unreadable::new(path, e.to_string()))
}

/// The text of a file that need not be there.
pub(super) fn optional(path: &Path) -> Result<Option<String>, Unreadable> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(Unreadable::new(path, e.to_string())),
    }
}

/// A number, with white space around it.
pub(super) fn number<N: std::str::FromStr>(path: &Path, text: &str) -> Result<N, Unreadable> {
    let text = text.trim();
    let start: String = text.chars().take(40).collect();
    text.parse()
        .map_err(|_| Unreadable::new(path, format!("expected a number, found {start:?}")))
}

/// How many CPUs a list such as `0-3,8` names; `None` when it is none.
pub(super) fn cpu_list(text: &str) -> Option<u32> {
    let mut cpus = 0_u32;
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        let count = last.checked_sub(first)?.checked_add(1)?;
        cpus = cpus.checked_add(count)?;
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_counted() {
        for (list, cpus) in [("0-3,8\n", 5), ("7", 1), ("0,2,4-5", 4)] {
            assert_eq!(cpu_list(list), Some(cpus), "{list}");
        }
        for wrong in ["", "3-1", "a", "0-4294967295", "1,,2"] {
            assert_eq!(cpu_list(wrong), None, "{wrong}");
        }
    }
}
