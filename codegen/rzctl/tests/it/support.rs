//! Runs the program in a folder of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// All of it, for golden files.
    pub(crate) fn golden(&self) -> String {
        format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.out, self.err
        )
    }

    /// The one value on standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// The program in `dir`, deaf to the environment of whoever runs the tests.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rzctl"));
    command.current_dir(dir).stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("RZ_") {
            command.env_remove(key);
        }
    }
    command.env("NO_COLOR", "1").env_remove("COLUMNS");
    command
}

/// Runs the program in `dir`.
pub(crate) fn rzctl(dir: &Path, arguments: &[&str]) -> Ran {
    let output = command(dir).args(arguments).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A new service `greeter` and the folder it lies in.
pub(crate) fn greeter() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let ran = rzctl(dir.path(), &["new", "service", "greeter"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let root = dir.path().join("greeter");
    (dir, root)
}

/// Changes a file.
pub(crate) fn edit(file: &Path, change: impl FnOnce(&str) -> String) {
    let before = fs::read_to_string(file).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "{} does not change", file.display());
    fs::write(file, after).unwrap();
}

/// Every file below `dir` that is not below `without`.
pub(crate) fn tree(dir: &Path, without: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_path_buf();
            if name == Path::new(without) {
                continue;
            }
            match path.is_dir() {
                true => folders.push(path),
                false => drop(files.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    files
}

/// The text with a path of this machine taken out.
pub(crate) fn without_path(text: &str, path: impl AsRef<OsStr>) -> String {
    text.replace(&*path.as_ref().to_string_lossy(), "[DIR]")
}
