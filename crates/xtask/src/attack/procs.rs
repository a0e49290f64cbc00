//! The processes of an attack, and what the kernel knows about them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::cargo::{capture, limited};
use crate::error::Result;
use crate::speaker::Speaker;

/// The server.
pub(super) struct Victim {
    process: Speaker,
    pub(super) address: String,
    pub(super) log: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) tls: bool,
}

/// What the server holds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Resident memory, in bytes.
    pub(super) memory: u64,
    /// The most of it since it was forgotten last.
    pub(super) memory_peak: u64,
    /// Open files, connections among them.
    pub(super) files: u64,
    /// Processor time so far.
    pub(super) processor_time: Duration,
}

impl Victim {
    pub(super) fn start(
        program: &Path,
        folder: &Path,
        name: &str,
        (tls, options): (bool, &[String]),
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let folder = folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut command = Command::new(program);
        command
            .arg("victim")
            .arg(&folder)
            .stderr(File::create(&log)?)
            .env_remove("RZ_CONFIG")
            .env("RZ_LOG", "info");
        if tls {
            command.arg("--tls");
        }
        command.args(options);
        let mut process = Speaker::start(&mut command)?;
        let ready = process.read().map_err(|error| {
            let text = fs::read_to_string(&log).unwrap_or_default();
            format!("the victim did not start: {error}\n{}", text.trim_end())
        })?;
        let address = ready["address"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            process,
            address,
            log,
            folder,
            tls,
        })
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.process.id()))
    }

    /// What it holds now.
    pub(super) fn usage(&self) -> Result<Usage> {
        let status = fs::read_to_string(self.proc("status"))?;
        let stat = fs::read_to_string(self.proc("stat"))?;
        let kilobytes = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        };
        let memory = kilobytes("VmRSS:").ok_or("it has ended")?;
        Ok(Usage {
            memory: memory * 1024,
            memory_peak: kilobytes("VmHWM:").unwrap_or(memory) * 1024,
            files: fs::read_dir(self.proc("fd"))?.count() as u64,
            processor_time: processor_time(&stat),
        })
    }

    /// Forgets the peak of its memory.
    pub(super) fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(self.proc("clear_refs"), "5")?)
    }
}

/// The user and system time in a line of `/proc/PID/stat`; a tick is 10 ms on every Linux.
fn processor_time(stat: &str) -> Duration {
    // The name, in parentheses, may hold anything.
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|text| text.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// A client that calls at a steady rate.
pub(super) struct Neighbour(Speaker);

impl Neighbour {
    pub(super) fn start(program: &Path, victim: &Victim) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(["neighbour", &victim.address])
            .env_remove("RZ_CONFIG")
            .env("RZ_LOG", "error");
        if victim.tls {
            command.arg("--ca").arg(victim.folder.join("ca.pem"));
        }
        let mut process = Speaker::start(&mut command)?;
        process.read()?;
        Ok(Self(process))
    }

    /// What it saw since it was asked last.
    pub(super) fn take(&mut self) -> Result<Value> {
        self.0.ask()
    }
}

/// Runs the program to its end and gives what it prints.
pub(super) fn once(program: &Path, args: &[String]) -> Result<Value> {
    let mut command = Command::new(program);
    command.args(args);
    let value: Value = serde_json::from_str(&capture(&mut limited(command, 3))?)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::processor_time;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 21 4 0 0 20 0";
        assert_eq!(processor_time(stat), Duration::from_millis(250));
    }
}
