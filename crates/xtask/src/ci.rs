//! `cargo xtask ci`: all that must pass before a change is merged.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Args;

use crate::bench::instructions;
use crate::cargo::{capture, cargo, check, packages, target};
use crate::error::Result;
use crate::peers;
use crate::services::install;
use crate::step::{Steps, Stopwatch, human};
use crate::test::{self, TestArgs};

/// The crate that users depend on.
const FACADE: &str = "rzero";

/// Options of `cargo xtask ci`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask ci                        everything
  cargo xtask ci --skip-cold-build      without measuring a build from nothing

All steps run even if one fails, so that one run shows every finding.")]
pub(crate) struct CiArgs {
    /// Do not measure how long the facade takes to build from nothing
    #[arg(long)]
    skip_cold_build: bool,
}

/// Runs `cargo xtask ci`.
pub(crate) fn run(args: &CiArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("ci");
    // First, because build scripts run the protocol buffer compiler.
    steps.run("install packages", install);
    steps.run("formatting", || {
        check(&mut cargo(["fmt", "--all", "--check"]))
    });
    steps.run("lints", lints);
    steps.run("documentation", documentation);
    if let Some(features) = steps.run("features of the facade", || features_of(FACADE)) {
        check_features(&mut steps, &features);
    }
    test::run_in(&mut steps, &TestArgs::all());
    peers::run_in(&mut steps, &[]);
    instructions::run_in(&mut steps, false);
    steps.run("demo", || check(&mut cargo(["xtask", "demo"])));
    if let Some(count) = steps.run("size of the facade", || crate_count(FACADE)) {
        steps.note(format!("facade: {count} crates with the default features"));
    }
    if !args.skip_cold_build
        && let Some(took) = steps.run("cold build of the facade", || cold_build(FACADE))
    {
        steps.note(format!("facade: built from nothing in {took}"));
    }
    Ok(steps.verdict())
}

fn lints() -> Result<()> {
    check(
        cargo(["clippy", "--workspace", "--all-targets", "--all-features"])
            .args(["--", "-D", "warnings"]),
    )
}

fn documentation() -> Result<()> {
    check(
        cargo(["doc", "--no-deps", "--workspace", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn features_of(package: &str) -> Result<Vec<String>> {
    let found = packages()?
        .into_iter()
        .find(|candidate| candidate.name == package);
    let features = found
        .ok_or_else(|| format!("no package `{package}`"))?
        .features;
    let features: Vec<String> = features
        .into_iter()
        .filter(|name| name != "default")
        .collect();
    println!(
        "    {}",
        if features.is_empty() {
            "none".into()
        } else {
            features.join(", ")
        }
    );
    Ok(features)
}

/// Builds the facade with no feature, and with each one alone.
fn check_features(steps: &mut Steps, features: &[String]) {
    let bare = ["check", "--package", FACADE, "--no-default-features"];
    steps.run("facade without features", || check(&mut cargo(bare)));
    for feature in features {
        steps.run(format!("facade with {feature}"), || {
            check(cargo(bare).args(["--features", feature]))
        });
    }
}

/// The number of crates that a user of `package` compiles, itself included.
fn crate_count(package: &str) -> Result<usize> {
    let tree = capture(&mut cargo([
        "tree",
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]))?;
    Ok(distinct_crates(&tree))
}

fn distinct_crates(tree: &str) -> usize {
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)").trim())
        .filter(|line| !line.is_empty())
        .collect();
    crates.len()
}

/// Builds `package` with its default features in an empty folder, as its users do the first time.
fn cold_build(package: &str) -> Result<String> {
    let folder = target().join("cold");
    let clear = || match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", folder.display()))
        }
        _ => Ok(()),
    };
    clear()?;
    // Only the compiler is timed, not the download.
    check(cargo(["fetch"]).arg("--quiet"))?;
    let watch = Stopwatch::start();
    let built = check(
        cargo(["build", "--package", package])
            .arg("--target-dir")
            .arg(&folder),
    );
    let took = watch.elapsed();
    clear()?;
    built.map(|()| human(took))
}

#[cfg(test)]
mod tests {
    use super::distinct_crates;

    #[test]
    fn repeated_crates_count_once() {
        let tree = "rzero v0.1.0\nbytes v1.10.0\ntokio v1.54.0\nbytes v1.10.0 (*)\n\n";
        assert_eq!(distinct_crates(tree), 3);
    }
}
