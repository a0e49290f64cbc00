//! The program that measures.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::polite;
use crate::cargo::{capture, cargo, check, limited, target};
use crate::error::Result;

const PACKAGE: &str = "rzero-governance";
/// Minutes after which a part has hung.
const MINUTES: u32 = 5;

/// Builds it, in release mode.
pub(super) fn build() -> Result<PathBuf> {
    let mut build = cargo(["build", "--release", "--package"]);
    build.arg(PACKAGE);
    check(&mut polite(build))?;
    Ok(target().join("release").join(PACKAGE))
}

/// Runs one part and reads what it prints.
pub(super) fn run(program: &Path, part: &str, quick: bool) -> Result<Value> {
    let mut command = Command::new(program);
    command.arg(part);
    if quick {
        command.arg("--quick");
    }
    let text = capture(&mut limited(command, MINUTES))?;
    let value = serde_json::from_str(&text);
    Ok(value.map_err(|error| format!("{PACKAGE} {part} printed `{text}`: {error}"))?)
}

/// A number of a row.
pub(super) fn number(row: &Value, key: &str) -> Result<f64> {
    let number = row[key].as_f64();
    Ok(number.ok_or_else(|| format!("{PACKAGE} printed a row without `{key}`: {row}"))?)
}

/// A text of a row.
pub(super) fn text<'a>(row: &'a Value, key: &str) -> Result<&'a str> {
    let text = row[key].as_str();
    Ok(text.ok_or_else(|| format!("{PACKAGE} printed a row without `{key}`: {row}"))?)
}

/// The rows.
pub(super) fn rows(told: &Value) -> Result<&Vec<Value>> {
    let rows = told["rows"].as_array();
    Ok(rows.ok_or_else(|| format!("{PACKAGE} printed no rows: {told}"))?)
}

/// What was told beside the rows.
pub(super) fn setting(told: &Value) -> Value {
    let mut setting = told.clone();
    if let Some(table) = setting.as_object_mut() {
        table.remove("rows");
    }
    setting
}
