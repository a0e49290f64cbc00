//! Reading and writing trees of files.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Deepest tree that is followed.
const DEPTH_MAX: usize = 64;
/// Most files of generated code that are compared.
const GENERATED_MAX: usize = 100_000;

/// What a written file replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overwrite {
    /// Nothing: an existing file is an error.
    Never,
    /// Whatever is there.
    Always,
}

/// Files below `folder` that `wanted` takes, relative to it, sorted. Links to folders are not
/// followed. No folder, no files.
pub(crate) fn list(
    folder: &Path,
    limit: usize,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((inner, depth)) = folders.pop() {
        let path = match inner.as_os_str().is_empty() {
            true => folder.to_path_buf(),
            false => folder.join(&inner),
        };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::io("read the folder", &path, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| Failure::io("read the folder", &path, &error))?;
            let name = inner.join(entry.file_name());
            let kind = entry
                .file_type()
                .map_err(|error| Failure::io("look at", &entry.path(), &error))?;
            if kind.is_dir() {
                if depth < DEPTH_MAX {
                    folders.push((name, depth + 1));
                }
            } else if wanted(&name) {
                found.push(name);
            }
            if found.len() > limit {
                return Err(Failure::input(format!(
                    "more than {limit} files are in `{}`",
                    folder.display()
                )));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The contents of every file below `folder`, by path relative to it.
pub(crate) fn read_tree(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut tree = BTreeMap::new();
    for name in list(folder, GENERATED_MAX, |_| true)? {
        let path = folder.join(&name);
        let contents = fs::read(&path).map_err(|error| Failure::io("read", &path, &error))?;
        tree.insert(name, contents);
    }
    Ok(tree)
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, contents: &[u8], overwrite: Overwrite) -> Result<()> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::input(format!(
            "`{}` is there already, it is not overwritten",
            path.display()
        )),
        _ => Failure::io("write", path, &error),
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::io("make the folder", folder, &error))?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    match overwrite {
        Overwrite::Never => options.create_new(true),
        Overwrite::Always => options.create(true).truncate(true),
    };
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(contents).map_err(failed)
}

/// Removes a file, and the folders above it that are empty then, up to `top`.
pub(crate) fn remove(top: &Path, name: &Path) -> Result<()> {
    let path = top.join(name);
    fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
    for folder in name.ancestors().skip(1) {
        // Fails on the first one that is not empty, which is the end.
        if folder.as_os_str().is_empty() || fs::remove_dir(top.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}
