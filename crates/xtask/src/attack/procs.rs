//! The processes of an attack, and what the kernel knows about them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cargo::{capture, limited};
use crate::error::Result;

/// A process that prints JSON lines and ends with its standard input.
struct Speaker {
    child: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Speaker {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let lines = child.stdout.take().ok_or("its output was not captured")?;
        Ok(Self {
            child,
            input,
            lines: BufReader::new(lines),
        })
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            let status = self.child.wait()?;
            return Err(format!("it ended early ({status})").into());
        }
        let value: Value = serde_json::from_str(&line)?;
        match value["error"].as_str() {
            Some(error) => Err(error.to_owned().into()),
            None => Ok(value),
        }
    }

    fn ask(&mut self) -> Result<Value> {
        let input = self.input.as_mut().ok_or("its input was closed")?;
        writeln!(input)?;
        self.read()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has a moment to leave by itself; what fails here has nothing left to end.
        for _ in 0..20 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
        PathBuf::from(format!("/proc/{}/{file}", self.process.child.id()))
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
