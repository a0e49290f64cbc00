//! `cargo xtask loss`: what callers lose when instances leave, die or hang, and when the registry
//! forgets them.
//!
//! Three instances of the echo service and a load are processes of their own, the registry is a
//! real etcd or the local one. Each row of the table is an event under load and what is promised
//! about it; beside it stands what go-zero did with the same event under the same load.

mod docs;
mod fleet;
mod outcome;
mod play;
mod promise;
mod report;
mod scenario;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cargo::{cargo, check, target};
use crate::error::Result;
use crate::step::Steps;

use outcome::Row;
use play::Rules;
use scenario::{SCENARIOS, Turn};

/// Options of `cargo xtask loss`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask loss                      every event three times, about 7 minutes
  cargo xtask loss --quick              every event once, under a quarter of the load
  cargo xtask loss --only kill --only hang
                                        those whose names begin so
  cargo xtask loss --write-docs         and the table into docs/loss.md

Writes target/rz-results/loss.json, and the logs of all processes into target/rz-results/loss/.")]
pub(crate) struct LossArgs {
    /// Only events whose names begin so; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often each event is made
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Once, under a quarter of the load, all kinds of calls at the same time
    #[arg(long)]
    quick: bool,
    /// Take the programs that are there, as after `cargo test --all-features`
    #[arg(long)]
    no_build: bool,
    /// Write the table into docs/loss.md
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    write_docs: bool,
}

/// Runs `cargo xtask loss`.
pub(crate) fn run(args: &LossArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("loss");
    run_in(&mut steps, args);
    Ok(steps.verdict())
}

/// The steps of this chore, alone or as a part of a larger one.
fn run_in(steps: &mut Steps, args: &LossArgs) {
    if !args.no_build && steps.run("build server and load", build).is_none() {
        return;
    }
    let Some(folder) = steps.run("folder for configurations and logs", folder) else {
        return;
    };
    let rules = Rules {
        folder,
        quick: args.quick,
        rounds: if args.quick { 1 } else { args.rounds },
    };
    let mut rows: Vec<Row> = Vec::new();
    for turn in wanted(args) {
        // A step that fails has been counted; the others still tell something.
        let _ = steps.run(turn.title(), || {
            let played = play::play(&rules, &turn)?;
            let faults: Vec<String> = played.iter().flat_map(Row::faults).collect();
            for row in &played {
                println!("    {}", report::line(row));
            }
            rows.extend(played);
            match faults.is_empty() {
                true => Ok(()),
                false => Err(faults.join("; ").into()),
            }
        });
    }
    println!("\n{}", report::table(&rows));
    let file = target().join("rz-results/loss.json");
    steps.run("write the results", || {
        Ok(fs::write(&file, report::json(&rows, &rules))?)
    });
    if args.write_docs {
        steps.run("write docs/loss.md", || docs::write(&rows, &rules));
    }
    steps.note(report::verdict(&rows));
    steps.note(format!("results: {}", file.display()));
}

/// What is played one after the other.
fn wanted(args: &LossArgs) -> Vec<Turn> {
    let all = SCENARIOS.iter().flat_map(|s| s.turns(args.quick));
    all.filter(|turn| {
        let name = turn.event.name();
        args.only.is_empty() || args.only.iter().any(|only| name.starts_with(only.as_str()))
    })
    .collect()
}

/// Builds the programs as they are tested, without optimisation.
fn build() -> Result<()> {
    check(cargo(["build", "--bins", "--package", "rzero-e2e"]).args(["--features", "etcd"]))
}

fn folder() -> Result<PathBuf> {
    let folder = target().join("rz-results/loss");
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    println!("    {}", folder.display());
    Ok(folder)
}
