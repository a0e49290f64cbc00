//! Whether a folder lies in somebody else's cargo workspace.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// How a folder relates to the cargo workspace around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// There is none.
    Nothing,
    /// It is one of the workspace's members.
    Member,
    /// It lies in the workspace's folder, but the workspace does not know it, so cargo refuses it
    /// unless it declares a workspace of its own.
    Stranger,
}

/// Looks at the folders above `folder`, a path from the root.
pub(crate) fn around(folder: &Path) -> Around {
    for outer in folder.ancestors().skip(1) {
        let Some(workspace) = workspace_of(&outer.join("Cargo.toml")) else {
            continue;
        };
        let Ok(way) = folder.strip_prefix(outer) else {
            break;
        };
        let named = |key: &str, inside: fn(&Path, &str) -> bool| {
            let list = workspace.get(key).and_then(Value::as_array);
            let mut patterns = list.into_iter().flatten().filter_map(Value::as_str);
            patterns.any(|pattern| inside(way, pattern))
        };
        if named("exclude", |way, folder| way.starts_with(folder)) {
            return Around::Nothing;
        }
        return match named("members", matches) {
            true => Around::Member,
            false => Around::Stranger,
        };
    }
    Around::Nothing
}

/// The `[workspace]` table of a manifest; a broken manifest has none.
fn workspace_of(manifest: &Path) -> Option<Table> {
    let text = fs::read_to_string(manifest).ok()?;
    match text.parse::<Table>().ok()?.remove("workspace")? {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

/// Whether a pattern of cargo's `members` names a folder: part by part, `*` for any text.
fn matches(way: &Path, pattern: &str) -> bool {
    let pattern = Path::new(pattern);
    way.components().count() == pattern.components().count()
        && way.iter().zip(pattern.iter()).all(|(part, pattern)| {
            let (part, pattern) = (part.to_string_lossy(), pattern.to_string_lossy());
            match pattern.split_once('*') {
                None => part == pattern,
                Some((before, after)) => {
                    part.len() >= before.len() + after.len()
                        && part.starts_with(before)
                        && part.ends_with(after)
                }
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_strangers_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = "[workspace]\nmembers = [\"services/*\", \"tool\"]\nexclude = [\"old\"]\n";
        fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
        let of = |way: &str| around(&dir.path().join(way));
        assert_eq!(of("services/user"), Around::Member);
        assert_eq!(of("tool"), Around::Member);
        assert_eq!(of("services"), Around::Stranger);
        assert_eq!(of("services/user/deep"), Around::Stranger);
        assert_eq!(of("old/user"), Around::Nothing);
    }

    #[test]
    fn packages_on_the_way_are_no_workspace() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Cargo.toml"), "[package]\nname = \"a\"\n").unwrap();
        assert_eq!(around(&dir.path().join("b")), Around::Nothing);
    }
}
