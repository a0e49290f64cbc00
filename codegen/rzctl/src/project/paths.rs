//! Paths as people want to see them.

use std::path::{Component, Path, PathBuf};

use crate::failure::{Failure, Result};

/// The folder that the program runs in.
pub(crate) fn current_dir() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|error| Failure::broken("the folder it runs in is gone").because(&error))
}

/// The path from the root, links resolved as far as the path exists, without `.` and `..`.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    let mut full = current_dir()?;
    for part in path.components() {
        match part {
            Component::ParentDir => {
                full = full.canonicalize().unwrap_or(full);
                full.pop();
            }
            Component::CurDir => {}
            other => full.push(other),
        }
    }
    let existing = full.ancestors().find_map(|folder| {
        let rest = full.strip_prefix(folder).ok()?;
        Some(folder.canonicalize().ok()?.join(rest))
    });
    // `join("")` leaves a slash at the end; components do not.
    Ok(existing.unwrap_or(full).components().collect())
}

/// The way from one folder to another; both from the root.
pub(crate) fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_over_the_common_folder() {
        let way = |from, to| {
            relative(Path::new(from), Path::new(to))
                .display()
                .to_string()
        };
        assert_eq!(way("/a/b/c", "/a"), "../..");
        assert_eq!(way("/a", "/a/b"), "b");
        assert_eq!(way("/a/b", "/a/c"), "../c");
        assert_eq!(way("/a", "/a"), "");
    }

    #[test]
    fn missing_ends_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        let path = dir.path().join("x/../new/./one");
        assert_eq!(absolute(&path).unwrap(), real.join("new/one"));
    }
}
