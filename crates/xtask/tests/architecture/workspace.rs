//! Reading the workspace.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Folders with nothing written by people in them.
const NOT_OURS: [&str; 3] = [".git", "target", "node_modules"];
/// Larger files are no text that anybody reads.
const TEXT_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compiled into the crate, or run by its build script.
    Build,
    /// Tests and examples only.
    Dev,
}

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, relative to the root.
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<(String, Purpose)>,
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// The crates of the workspace; asked of cargo once.
pub(crate) fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Value = serde_json::from_str(&text).unwrap();
        metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(package)
            .collect()
    })
}

fn package(value: &Value) -> Package {
    let manifest = Path::new(value["manifest_path"].as_str().unwrap());
    let folder = manifest
        .parent()
        .unwrap()
        .strip_prefix(root())
        .unwrap()
        .to_owned();
    let dependencies = value["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| {
            let purpose = if dependency["kind"] == "dev" {
                Purpose::Dev
            } else {
                Purpose::Build
            };
            (dependency["name"].as_str().unwrap().to_owned(), purpose)
        });
    Package {
        name: value["name"].as_str().unwrap().to_owned(),
        folder,
        dependencies: dependencies.collect(),
    }
}

/// Names of the crates that a build of `package` with its default features compiles.
pub(crate) fn default_tree(package: &str) -> Vec<String> {
    let arguments = [
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let mut names: Vec<String> = cargo(&arguments)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn cargo(arguments: &[&str]) -> String {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {}: {complaint}",
        arguments.join(" ")
    );
    String::from_utf8(output.stdout).unwrap()
}

/// All text files below the root that people write, with their contents.
pub(crate) fn texts() -> &'static [(PathBuf, String)] {
    static TEXTS: OnceLock<Vec<(PathBuf, String)>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let mut found = Vec::new();
        collect(&root(), &mut found);
        found.sort();
        found
    })
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        let skipped = path
            .file_name()
            .and_then(OsStr::to_str)
            .is_none_or(|name| NOT_OURS.contains(&name));
        if skipped {
            continue;
        }
        if kind.is_dir() {
            collect(&path, found);
        } else if kind.is_file()
            && entry
                .metadata()
                .is_ok_and(|metadata| metadata.len() <= TEXT_BYTES_MAX)
            && let Ok(text) = fs::read_to_string(&path)
        {
            // What is no UTF-8 is no text; a file that vanished was somebody's draft.
            found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
}
