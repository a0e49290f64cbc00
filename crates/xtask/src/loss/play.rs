//! One event under load, as often as asked for.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;

use crate::error::Result;
use crate::peers::lab::{free_port, ours};
use crate::speaker::Speaker;
use crate::step::Stopwatch;

use super::fleet::{Fleet, INSTANCES, SERVICE};
use super::outcome::{Outcome, Row};
use super::scenario::{Event, Turn};

/// How long etcd is away.
const AWAY: Duration = Duration::from_secs(1);

/// What is the same for all events.
pub(super) struct Rules {
    /// For logs and configurations.
    pub(super) folder: PathBuf,
    pub(super) quick: bool,
    pub(super) rounds: u32,
}

impl Rules {
    /// Load before the event, and between two restarts.
    fn pause(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 2 })
    }

    /// Load after it.
    fn aftermath(&self, event: Event) -> Duration {
        let (quick, long) = match event {
            Event::Restart => (0, 0),
            Event::Kill | Event::KeysGone => (2, 4),
            // Calls of 2 s that hang, and what comes after them.
            Event::Hang => (4, 8),
            Event::EmptyStore => (3, 6),
        };
        Duration::from_secs(if self.quick { quick } else { long })
    }
}

fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

/// Plays all rounds of a turn: one row for each of its loads.
pub(super) fn play(rules: &Rules, turn: &Turn) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = turn
        .loads
        .iter()
        .map(|load| Row::new(turn, *load))
        .collect();
    for _ in 0..rules.rounds {
        for (row, outcome) in rows.iter_mut().zip(round(rules, turn)?) {
            row.add(outcome, rules.quick);
        }
    }
    Ok(rows)
}

fn round(rules: &Rules, turn: &Turn) -> Result<Vec<Outcome>> {
    let name = format!("{}-{}", turn.event.name(), turn.registry.name());
    clear(rules, &name)?;
    let mut fleet = Fleet::start(&rules.folder, name.clone(), turn.registry)?;
    let config = fleet.configure("load", "loss.load", free_port()?)?;
    let log = rules.folder.join(format!("{name}.load.log"));
    let mut command = ours("loss-load");
    command
        .args([SERVICE, &INSTANCES.len().to_string()])
        .args(turn.loads.iter().map(|load| load.argument(rules.quick)))
        .env("RZ_CONFIG", config)
        .stderr(File::create(&log)?);
    let told = |error| format!("the load failed: {error}; see {}", log.display());
    let mut load = Speaker::start(&mut command)?;
    load.read().map_err(told)?;
    let watch = Stopwatch::start();
    sleep(rules.pause());
    let at_us = make(rules, turn.event, &mut fleet)?;
    sleep(rules.aftermath(turn.event));
    fleet.others_run()?;
    let took = watch.elapsed();
    let sums = load.finish().map_err(told)?;
    if turn.event == Event::Hang {
        // So that it can leave as the others do.
        fleet.signal_victim(Signal::CONT)?;
    }
    let victim = fleet.victim();
    let sums = sums["loads"].as_array().ok_or("the load printed no sum")?;
    let outcomes = sums
        .iter()
        .map(|sum| Outcome::read(sum, took, at_us, &victim));
    Ok(outcomes.collect())
}

/// Makes the event; says when it began.
fn make(rules: &Rules, event: Event, fleet: &mut Fleet<'_>) -> Result<u64> {
    let at_us = unix_us();
    match event {
        Event::Restart => {
            for index in 0..INSTANCES.len() {
                fleet.restart(index)?;
                sleep(rules.pause());
            }
        }
        Event::Kill => fleet.signal_victim(Signal::KILL)?,
        Event::Hang => fleet.signal_victim(Signal::STOP)?,
        Event::EmptyStore => {
            let etcd = fleet.etcd()?;
            etcd.kill_all()?;
            sleep(AWAY);
            etcd.wipe_all()?;
            etcd.start_all()?;
        }
        Event::KeysGone => {
            fleet.etcd()?.etcdctl(&["del", SERVICE, "--prefix"])?;
        }
    }
    Ok(at_us)
}

/// Removes the files of an earlier round.
fn clear(rules: &Rules, name: &str) -> Result<()> {
    let prefix = format!("{name}.");
    for entry in fs::read_dir(&rules.folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
