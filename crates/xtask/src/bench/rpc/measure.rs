//! The rounds: for each case, all systems in turn.

use std::thread::available_parallelism;
use std::time::Duration;

use rzero_harness::find_program;

use crate::error::{Result, chain};
use crate::step::{Stopwatch, human};

use super::Window;
use super::build::Programs;
use super::case::Case;
use super::report;
use super::row::{Round, Row, Rows};
use super::servers::Servers;
use super::system::System;

/// What a measurement takes beside the time it measures: a process starts and connects.
const OVERHEAD: Duration = Duration::from_millis(60);

/// What is measured, and how often.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) systems: Vec<&'static System>,
    pub(super) cases: Vec<Case>,
    pub(super) rounds: u32,
    pub(super) window: Window,
}

impl Plan {
    fn systems_of(&self, case: &Case) -> Vec<&'static System> {
        let systems = self.systems.iter().copied();
        systems.filter(|system| case.includes(system)).collect()
    }

    /// Cases that can be measured here.
    fn possible(&self) -> impl Iterator<Item = &Case> {
        let pinning = can_pin();
        let cases = self.cases.iter();
        cases.filter(move |case| (pinning || !case.pinned) && !self.systems_of(case).is_empty())
    }

    /// What is left out, to be said at the end.
    pub(super) fn skipped(&self) -> Option<String> {
        let pinned = self.cases.iter().any(|case| case.pinned);
        (pinned && !can_pin()).then(|| {
            "SKIPPED: pinned cases, which need two cores and the program `taskset`".to_owned()
        })
    }

    /// What `case` takes, as far as it is known before.
    fn time_of(&self, case: &Case) -> Duration {
        let each = self.window.warmup + self.window.measure + OVERHEAD;
        let systems = u32::try_from(self.systems_of(case).len()).unwrap_or(u32::MAX);
        each * systems * self.rounds
    }
}

/// Cores of this machine that this program may use.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

fn can_pin() -> bool {
    cores() >= 2 && find_program("taskset").is_some()
}

/// Measures everything. A measurement that fails is told and does not end the run.
pub(super) fn all(plan: &Plan, programs: &Programs) -> Result<Rows> {
    let cases: Vec<&Case> = plan.possible().collect();
    if cases.is_empty() {
        return Err("these systems take part in none of these cases".into());
    }
    let mut left: Duration = cases.iter().map(|case| plan.time_of(case)).sum();
    let watch = Stopwatch::start();
    let mut servers = Servers::new(programs);
    let mut rows = Rows::default();
    for (at, case) in cases.iter().enumerate() {
        println!(
            "\n--- {} ({} of {}, {} so far, about {} to go)",
            case.name,
            at + 1,
            cases.len(),
            human(watch.elapsed()),
            human(left),
        );
        left = left.saturating_sub(plan.time_of(case));
        one_case(plan, case, &mut servers, &mut rows);
        println!("{}", report::case(&rows, case));
    }
    Ok(rows)
}

fn one_case(plan: &Plan, case: &Case, servers: &mut Servers<'_>, rows: &mut Rows) {
    let mut measured: Vec<(&'static System, Vec<Round>)> = plan
        .systems_of(case)
        .into_iter()
        .map(|system| (system, Vec::new()))
        .collect();
    for round in 0..plan.rounds as usize {
        // Another one begins each time, so that nobody always follows the same neighbour.
        let count = measured.len();
        for turn in 0..count {
            let (system, rounds) = &mut measured[(turn + round) % count];
            if rows.has_failed(system.name, case.id) {
                continue;
            }
            match servers.measure(system, case, plan.window) {
                Ok(round) => rounds.push(round),
                Err(error) => {
                    println!("    FAILED: {}: {}", system.name, chain(error.as_ref()));
                    rows.fail(system, case);
                }
            }
        }
    }
    for (system, rounds) in measured {
        if rows.has_failed(system.name, case.id) {
            continue;
        }
        match Row::of(system, case, &rounds) {
            Some(row) => rows.add(row),
            None => rows.fail(system, case),
        }
    }
}
