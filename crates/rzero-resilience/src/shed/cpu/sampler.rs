//! One reading after the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::Smoothed;
use super::group::Groups;
use super::read::{Unreadable, cpu_list, number, optional, text};
use crate::shed::Signals;

/// Time that a tick of `/proc/self/stat` stands for; Linux shows 100 in a second to all programs.
const TICK: Duration = Duration::from_millis(10);
/// Shortest time between two readings; less would measure noise.
const APART: Duration = Duration::from_millis(10);

/// CPU use since the reading before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Of this interval, per mille of `cpus`, at most 1000.
    pub permille: u32,
    /// The average over the last intervals, per mille.
    pub smoothed: u32,
    /// CPUs that the process may use: its affinity, or the tightest quota when that is less.
    pub cpus: f64,
}

/// Reads the CPU use of this process. Finds its control group again when the process was moved to
/// another, and after a failure.
#[derive(Debug)]
pub struct CpuSampler {
    root: PathBuf,
    /// The text of `/proc/self/cgroup` and what it led to.
    groups: Option<(String, Groups)>,
    last: Option<Reading>,
    smoothed: Smoothed,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    used: Duration,
    /// Whether of the group, or of the process alone.
    grouped: bool,
}

impl CpuSampler {
    /// A sampler of the tree of files below `root`, which is `/` but in tests. Nothing is read
    /// yet, so nothing can fail.
    #[must_use]
    pub fn open(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            groups: None,
            last: None,
            smoothed: Smoothed::default(),
        }
    }

    /// A sampler of this process.
    #[must_use]
    pub fn system() -> Self {
        Self::open(Path::new("/"))
    }

    /// Takes a reading; `None` for the first one, for one within 10 ms of the last, and when the
    /// CPU time that was counted starts anew.
    ///
    /// # Errors
    /// A file that cannot be read or understood. The next call starts anew.
    pub fn sample(&mut self, now: Instant) -> Result<Option<Sample>, Unreadable> {
        let sample = self.try_sample(now);
        if sample.is_err() {
            (self.groups, self.last) = (None, None);
        }
        sample
    }

    /// Takes a reading and tells `signals` what came of it.
    pub fn report(&mut self, signals: &Signals, now: Instant) {
        match self.sample(now) {
            Ok(Some(sample)) => signals.set_cpu(sample.smoothed, now),
            Ok(None) => {}
            Err(error) => signals.cpu_unavailable(&error.to_string()),
        }
    }

    fn try_sample(&mut self, now: Instant) -> Result<Option<Sample>, Unreadable> {
        let soon = |l: Reading| now.saturating_duration_since(l.at) < APART;
        if self.last.is_some_and(soon) {
            return Ok(None);
        }
        self.find_groups()?;
        let last = self.last;
        let groups = self.groups.as_ref().map(|(_, groups)| groups);
        let quota = groups.map_or(Ok(None), Groups::quota)?;
        let used = groups.map_or(Ok(None), Groups::usage)?;
        let affinity = f64::from(affinity(&self.root)?);
        let cpus = quota.map_or(affinity, |quota| quota.min(affinity));
        let reading = Reading {
            at: now,
            used: used.map_or_else(|| process_time(&self.root), Ok)?,
            grouped: used.is_some(),
        };
        self.last = Some(reading);
        let Some(last) = last.filter(|l| l.grouped == reading.grouped) else {
            return Ok(None);
        };
        let Some(used) = reading.used.checked_sub(last.used) else {
            return Ok(None);
        };
        let elapsed = now.saturating_duration_since(last.at);
        let share = used.as_secs_f64() / (elapsed.as_secs_f64() * cpus);
        let permille = whole((share * 1000.0).min(1000.0));
        Ok(Some(Sample {
            permille,
            smoothed: self.smoothed.add(permille, elapsed),
            cpus,
        }))
    }

    fn find_groups(&mut self) -> Result<(), Unreadable> {
        let membership = optional(&self.root.join("proc/self/cgroup"))?.unwrap_or_default();
        if self.groups.as_ref().is_none_or(|(m, _)| *m != membership) {
            let groups = Groups::find(&self.root, &membership)?;
            self.groups = Some((membership, groups));
            // What another group has used is no baseline for this one.
            self.last = None;
        }
        Ok(())
    }
}

/// How many CPUs the process may run on, which includes what its cpuset allows.
fn affinity(root: &Path) -> Result<u32, Unreadable> {
    let path = root.join("proc/self/status");
    let text = text(&path)?;
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let cpus = list.and_then(cpu_list).filter(|cpus| *cpus > 0);
    cpus.ok_or_else(|| Unreadable::new(&path, "no list of CPUs in Cpus_allowed_list"))
}

/// The CPU time of the process alone.
fn process_time(root: &Path) -> Result<Duration, Unreadable> {
    let path = root.join("proc/self/stat");
    let text = text(&path)?;
    // The program's name, in parentheses, may hold anything; user and system time are the 12th
    // and 13th word behind it.
    let mut words = text
        .rsplit_once(')')
        .map_or("", |(_, behind)| behind)
        .split_whitespace();
    let (user, system) = (words.nth(11), words.next());
    let ticks: u32 = number::<u32>(&path, user.unwrap_or_default())?
        .saturating_add(number(&path, system.unwrap_or_default())?);
    Ok(TICK * ticks)
}

/// A per mille as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to what is wanted before"
)]
pub(super) fn whole(permille: f64) -> u32 {
    permille.round().clamp(0.0, 1000.0) as u32
}
