//! The product at work, in one command: from a contract to a service that survives the loss of its
//! instances, with nothing but what this repository builds.
//!
//! scaffold → build → three instances and a client under load → one leaves (SIGTERM) → one is
//! killed (SIGKILL) → a new one joins → the table.

mod instance;
mod load;
mod prepare;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use crate::error::Result;
use crate::step::Steps;

use instance::Instance;
use load::Load;
use report::{Change, Report};

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Calls that the client keeps in flight
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=512))]
    concurrency: u32,
    /// Seconds of load between the changes
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pause: u64,
}

/// Runs the demo.
pub(crate) fn run(args: DemoArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("demo");
    let prepared = prepare::run(&mut steps);
    if let Some(project) = prepared
        && let Some(report) = steps.run("serve, call, stop, kill, join", || play(&args, &project))
    {
        println!("\n{}", report.table());
        steps.run("judge", || report.judge());
    }
    Ok(steps.verdict())
}

/// The play itself; each change is made under load and its time noted.
fn play(args: &DemoArgs, project: &prepare::Project) -> Result<Report> {
    let pause = Duration::from_secs(args.pause);
    let mut instances = Vec::new();
    for name in ["a", "b", "c"] {
        instances.push(Instance::start(project, name)?);
    }
    instances
        .iter_mut()
        .try_for_each(Instance::wait_until_ready)?;
    println!("    three instances are ready, each found the others through the local registry");
    let mut load = Load::start(project, args.concurrency)?;
    load.show_for(pause)?;

    let mut changes = Vec::new();
    let failures = load.failures();
    changes.push(Change::left(
        "a",
        "SIGTERM, drains",
        instances[0].terminate()?,
    ));
    instances[0].wait_until_gone()?;
    load.show_for(pause)?;
    let graceful_failures = load.failures() - failures;

    changes.push(Change::left("b", "SIGKILL", instances[1].kill()?));
    load.show_for(pause)?;

    let mut joining = Instance::start(project, "d")?;
    joining.wait_until_ready()?;
    changes.push(Change::joined("d", "started", joining.ready_at_ms()));
    load.show_for(pause)?;

    let last = load.finish()?;
    // The rest leave in the order in which they came.
    instances.push(joining);
    for instance in &mut instances[2..] {
        instance.terminate()?;
    }
    for instance in &mut instances[2..] {
        instance.wait_until_gone()?;
    }
    Ok(Report {
        last,
        changes,
        graceful_failures,
        concurrency: args.concurrency,
    })
}
