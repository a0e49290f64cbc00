//! Running cargo, and asking it about the workspace.

use std::env;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::Result;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // Set by `cargo run`; the compiled-in path serves a binary that is started directly.
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest
        .ancestors()
        .nth(2)
        .map_or_else(|| manifest.clone(), Path::to_owned)
}

/// The folder for build products of this checkout.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A cargo command in the root of the workspace that reads no input.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// The same command, ended with all it started after `minutes`.
///
/// Only where nobody sits in front: the processes get a group of their own, which a Ctrl-C does
/// not reach, and a person sees for himself that nothing moves.
pub(crate) fn limited(command: Command, minutes: u32) -> Command {
    if std::io::stdin().is_terminal() {
        return command;
    }
    let mut limited = Command::new("timeout");
    limited.args(["--kill-after=10s", &format!("{minutes}m")]);
    limited
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Runs `command`, with its output passed through.
///
/// # Errors
///
/// When it cannot be started or fails; the text names the command.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", line(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` failed ({status})", line(command)).into())
}

/// Runs `command` and returns what it prints.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", line(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("`{}` failed ({})", line(command), output.status).into())
}

/// The command as it would be typed.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words: Vec<String> = std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Names of its features, sorted.
    pub(crate) features: Vec<String>,
}

/// The packages of the workspace.
///
/// # Errors
///
/// When a manifest cannot be read.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let text = capture(&mut cargo([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
    ]))?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata lists no packages")?;
    Ok(packages.iter().map(package).collect())
}

fn package(value: &Value) -> Package {
    let features = value["features"].as_object();
    let mut features: Vec<String> = features
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default();
    features.sort();
    Package {
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        features,
    }
}
