//! `cargo xtask bench rpc`: calls between two processes over loopback, rzero and other frameworks
//! in one run.
//!
//! The programs are a workspace of their own, `benches/peers`. For each case all systems are
//! measured in turn, again and again, so that what the machine does meanwhile meets all alike;
//! medians of these rounds are compared.

mod build;
mod case;
mod measure;
mod reach;
mod report;
mod row;
mod servers;
mod svg;
mod system;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::bench::{figure, results};
use crate::cargo::root;
use crate::error::Result;
use crate::step::{Steps, human};

use case::Case;
use measure::Plan;
use row::Rows;
use system::System;

/// Rounds of `--quick`.
const QUICK_ROUNDS: u32 = 3;
/// Warm-up and measured time of a case, full and with `--quick`.
const FULL: Window = Window::new(200, 700);
const QUICK: Window = Window::new(100, 250);

/// Options of `cargo xtask bench rpc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench rpc --quick         a coarse answer in a minute, after the build
  cargo xtask bench rpc                 everything, about 30 minutes on an idle machine
  cargo xtask bench rpc --rounds 7 --cases pinned
                                        those whose names have the word `pinned`
  cargo xtask bench rpc --only rzero,tonic,raw --cases 'c=64 128 B'
  cargo xtask bench rpc --list          names of systems and cases

Writes target/rz-results/bench-rpc.json, and a full run docs/bench/rpc.svg. A full run fails when a
figure is missed; --quick and parts of the whole only show it. How to read it: docs/bench/README.md.")]
pub(crate) struct RpcArgs {
    /// Few systems and cases, 3 short rounds
    #[arg(long)]
    quick: bool,
    /// Rounds, each with every system [default: 5, with --quick 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: Option<u32>,
    /// Only these systems
    #[arg(long, value_name = "SYSTEM", value_delimiter = ',')]
    only: Vec<String>,
    /// Only cases in whose names one of these texts begins a word
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    cases: Vec<String>,
    /// Milliseconds measured in each round
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(50..=60_000))]
    measure_ms: Option<u64>,
    /// List systems and cases and run nothing
    #[arg(long)]
    list: bool,
}

/// How long a case is warmed up and measured.
#[derive(Debug, Clone, Copy)]
struct Window {
    warmup: Duration,
    measure: Duration,
}

impl Window {
    const fn new(warmup_ms: u64, measure_ms: u64) -> Self {
        Self {
            warmup: Duration::from_millis(warmup_ms),
            measure: Duration::from_millis(measure_ms),
        }
    }
}

impl RpcArgs {
    /// Everything is measured as the documentation says, so the figures count.
    fn is_whole(&self) -> bool {
        !self.quick && self.only.is_empty() && self.cases.is_empty()
    }

    fn window(&self) -> Window {
        let mut window = if self.quick { QUICK } else { FULL };
        if let Some(millis) = self.measure_ms {
            window.measure = Duration::from_millis(millis);
        }
        window
    }

    fn systems(&self) -> Result<Vec<&'static System>> {
        let known = |name: &String| system::ALL.iter().any(|system| system.name == name);
        if let Some(unknown) = self.only.iter().find(|name| !known(name)) {
            let all: Vec<&str> = system::ALL.iter().map(|system| system.name).collect();
            return Err(format!("no system `{unknown}`; there are {}", all.join(", ")).into());
        }
        let wanted = |system: &&System| match self.only.is_empty() {
            true => !self.quick || system.quick,
            false => self.only.iter().any(|name| name == system.name),
        };
        Ok(system::ALL.iter().filter(wanted).collect())
    }

    fn cases(&self) -> Result<Vec<Case>> {
        let wanted = |case: &Case| {
            let named = self.cases.iter().any(|text| case.is_called(text));
            named || (self.cases.is_empty() && (!self.quick || case.quick))
        };
        let cases: Vec<Case> = case::all(self.quick).into_iter().filter(wanted).collect();
        if cases.is_empty() {
            return Err("no case has such a name; see `cargo xtask bench rpc --list`".into());
        }
        Ok(cases)
    }
}

/// Runs `cargo xtask bench rpc`.
pub(crate) fn run(args: &RpcArgs) -> Result<ExitCode> {
    let (systems, cases) = (args.systems()?, args.cases()?);
    if args.list {
        list(&systems, &cases);
        return Ok(ExitCode::SUCCESS);
    }
    let mut steps = Steps::new("bench rpc");
    let needs = build::Needs::of(&systems, &cases);
    let built = steps.run("build servers and clients", || build::all(&needs));
    let Some(programs) = built else {
        return Ok(steps.verdict());
    };
    let (quick, full) = (QUICK_ROUNDS, 5);
    let plan = Plan {
        systems: systems
            .into_iter()
            .filter(|system| programs.has(system))
            .collect(),
        rounds: args.rounds.unwrap_or(if args.quick { quick } else { full }),
        window: args.window(),
        cases,
    };
    let rows = steps.run("measure", || measure::all(&plan, &programs));
    if let Some(rows) = rows {
        finish(args, &mut steps, &plan, &rows);
    }
    Ok(steps.verdict())
}

/// What becomes of the figures.
fn finish(args: &RpcArgs, steps: &mut Steps, plan: &Plan, rows: &Rows) {
    let figures = reach::all(rows, &plan.cases);
    println!("\n{}", figure::table(&figures));
    steps.run("write figures", || {
        let path = results()?.join("bench-rpc.json");
        fs::write(&path, report::json(rows, &figures)?)?;
        println!("    {}", path.display());
        Ok(())
    });
    if args.is_whole() {
        steps.run("write the picture", || {
            let path = root().join("docs/bench/rpc.svg");
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            fs::write(&path, svg::draw(rows, &plan.cases))?;
            println!("    {}", path.display());
            Ok(())
        });
    }
    if !rows.failures().is_empty() {
        let failed = rows.failures().len();
        steps.run("every measurement went well", || {
            Err(format!("{failed} did not, see above").into()) as Result<()>
        });
    }
    let (missed, verdict) = figure::verdict(&figures);
    if args.is_whole() && missed > 0 {
        steps.run("reach", || Err(verdict.clone().into()) as Result<()>);
    } else {
        steps.note(verdict);
    }
    if let Some(skipped) = plan.skipped() {
        steps.note(skipped);
    }
    steps.note(format!(
        "{} rounds of {} each; machine: {} cores",
        plan.rounds,
        human(plan.window.measure),
        measure::cores()
    ));
}

fn list(systems: &[&System], cases: &[Case]) {
    println!("systems:");
    for system in systems {
        println!("  {:22} {}", system.name, system.about);
    }
    println!("cases:");
    for case in cases {
        println!("  {:34} {}", case.name, case.systems().join(" "));
    }
}
