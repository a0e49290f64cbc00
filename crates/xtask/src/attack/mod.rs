//! `cargo xtask attack`: every known attack on an HTTP/2 server, sent to one of ours that serves
//! normal load at the same time.
//!
//! Three processes of `rz-attack` per attack: a victim, which is a service like any other; a
//! neighbour, which calls it at a steady rate on connections of its own; and an attacker, held to
//! half a core. Afterwards a harmless client takes the attacker's place, as busy as the attacker
//! was. What the neighbour noticed of the one is judged against what it noticed of the other.

mod docs;
mod play;
mod procs;
mod report;
mod row;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::Value;

use crate::cargo::{capture, cargo, check, target};
use crate::error::Result;
use crate::step::Steps;

use play::Rules;
use row::Row;

/// Seconds of `--quick`.
const QUICK_SECONDS: f64 = 1.5;

/// The victims' `handshake_timeout` with `--quick`, in seconds, so that slow peers are cut while one
/// waits.
const QUICK_TIMEOUT: &str = "2";

/// The victims' keepalive, in seconds: peers that vanished are to be found within the attack.
const KEEPALIVE: &str = "2";

/// Options of `cargo xtask attack`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask attack                    every attack, about 15 minutes
  cargo xtask attack --quick            every attack, a second and a half each
  cargo xtask attack --only rapid-reset --only ping
                                        those whose names begin so
  cargo xtask attack --write-docs       and their figures into docs/security.md

Writes target/rz-results/attack.json, and the victims' logs into target/rz-results/attack/.")]
pub(crate) struct AttackArgs {
    /// Only attacks whose names begin so; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Seconds of each attack, and of the harmless client after it; slow ones take longer
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,
    /// A second and a half each, and shorter timeouts in the victim
    #[arg(long)]
    quick: bool,
    /// How often an attack is tried whose neighbours were late: other programs are about
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    attempts: u32,
    /// Build without optimization, to try out changes
    #[arg(long)]
    debug: bool,
    /// A program `rz-attack` that was built already
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Write the table into docs/security.md
    #[arg(long)]
    write_docs: bool,
}

/// Runs `cargo xtask attack`.
pub(crate) fn run(args: &AttackArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("attack");
    let program = args.program.clone();
    let Some(program) = program.or_else(|| steps.run("build", || build(args.debug))) else {
        return Ok(steps.verdict());
    };
    let Some(rows) = steps.run("read the table", || rows(&program, &args.only)) else {
        return Ok(steps.verdict());
    };
    let folder = results();
    fs::create_dir_all(&folder)?;
    let rules = args.rules(program, folder);
    let mut outcomes = Vec::new();
    for row in rows {
        // A step that fails has been counted; the others still tell something.
        let _ = steps.run(&row.name, || {
            let outcome = play::play(&rules, &row)?;
            println!("    {}", report::line(&row, &outcome));
            let verdict = outcome.verdict();
            outcomes.push((row.clone(), outcome));
            verdict
        });
    }
    println!("\n{}", report::table(&outcomes));
    let file = target().join("rz-results/attack.json");
    steps.run("write the results", || {
        Ok(fs::write(&file, report::json(&outcomes, &rules))?)
    });
    if args.write_docs {
        steps.run("write docs/security.md", || docs::write(&outcomes, &rules));
    }
    steps.note(format!("results: {}", file.display()));
    Ok(steps.verdict())
}

/// Where the logs of the victims go.
fn results() -> PathBuf {
    target().join("rz-results/attack")
}

impl AttackArgs {
    fn rules(&self, program: PathBuf, folder: PathBuf) -> Rules {
        let mut options = vec![format!("--keepalive={KEEPALIVE}")];
        if self.quick {
            options.push(format!("--handshake-timeout={QUICK_TIMEOUT}"));
        }
        let seconds = if self.quick {
            QUICK_SECONDS
        } else {
            self.seconds
        };
        Rules {
            program,
            folder,
            duration: Duration::from_secs_f64(seconds),
            patience: self.quick.then(|| Duration::from_secs(6)),
            attempts: self.attempts,
            options,
        }
    }
}

fn build(debug: bool) -> Result<PathBuf> {
    let mut build = cargo(["build", "--package", "rzero-attack"]);
    if !debug {
        build.arg("--release");
    }
    check(&mut build)?;
    let profile = if debug { "debug" } else { "release" };
    Ok(target().join(profile).join("rz-attack"))
}

fn rows(program: &PathBuf, only: &[String]) -> Result<Vec<Row>> {
    let text = capture(Command::new(program).arg("list"))?;
    let table: Value = serde_json::from_str(&text)?;
    let wanted =
        |row: &Row| only.is_empty() || only.iter().any(|name| row.name.starts_with(name.as_str()));
    let rows: Vec<Row> = table
        .as_array()
        .into_iter()
        .flatten()
        .map(Row::read)
        .filter(wanted)
        .collect();
    if rows.is_empty() {
        return Err(format!("no attack begins with {}", only.join(" or ")).into());
    }
    Ok(rows)
}
