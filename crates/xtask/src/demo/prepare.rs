//! Scaffolds and builds the demo's service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{cargo, check, root, target};
use crate::error::Result;
use crate::step::Steps;

/// The contract, in the repository's own tree of contracts.
const CONTRACT: &str = "shop/orders/v1/orders.proto";
/// What a user would write: the logic, and a client.
const LOGIC: &str = include_str!("../../demo/logic.rs");
const LOAD: &str = include_str!("../../demo/load.rs");

/// A service that is ready to run.
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) server: PathBuf,
    pub(super) load: PathBuf,
    pub(super) registry: PathBuf,
}

/// Scaffolds and builds; `None` when a step failed.
pub(super) fn run(steps: &mut Steps) -> Option<Project> {
    let folder = target().join("demo/orders");
    let built = target().join("debug");
    steps.run("build rzctl", || {
        check(&mut cargo(["build", "--package", "rzctl"]))
    })?;
    steps.run("scaffold: rzctl new service orders", || {
        scaffold(&built, &folder)
    })?;
    steps.run("build the service and its client", || build(&folder))?;
    let registry = target().join("demo/registry");
    steps.run("empty the registry folder", || empty(&registry))?;
    Some(Project {
        server: built.join("orders"),
        load: built.join("load"),
        folder,
        registry,
    })
}

fn scaffold(built: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let protos = root().join("proto");
    let mut rzctl = Command::new(built.join("rzctl"));
    rzctl
        .args(["new", "service", "orders", "--proto"])
        .arg(protos.join(CONTRACT));
    rzctl
        .arg("-I")
        .arg(&protos)
        .arg("--dir")
        .arg(folder)
        .arg("--rzero")
        .arg(root());
    check(&mut rzctl)?;
    // From here on the files are the user's: the logic is written, and a client beside it.
    fs::write(folder.join("src/logic.rs"), LOGIC)?;
    fs::create_dir_all(folder.join("src/bin"))?;
    fs::write(folder.join("src/bin/load.rs"), LOAD)?;
    // The same versions as in the workspace, so that nothing is built twice.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(())
}

fn build(folder: &Path) -> Result<()> {
    let mut build = cargo(["build", "--bins", "--manifest-path"]);
    build
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", target());
    check(&mut build)
}

fn empty(registry: &Path) -> Result<()> {
    if registry.exists() {
        fs::remove_dir_all(registry)?;
    }
    Ok(fs::create_dir_all(registry.parent().unwrap_or(registry))?)
}
