//! Processes of the judges: each with a log, a time limit, and an end by its id.

use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::cargo::line;
use crate::error::Result;
use crate::step::{Stopwatch, human};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How long a process that is to be gone may take after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// How much of a log is read for a verdict, in bytes from its end.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;

/// A process, ended when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where its own part of the log begins.
    offset: u64,
    /// It leads a group of processes, which is ended as a whole.
    group: bool,
}

/// How a process ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
}

impl Done {
    /// The last line that says something, for a short verdict.
    pub(crate) fn last_line(&self) -> &str {
        let mut lines = self.output.lines().rev().map(str::trim);
        lines.find(|line| !line.is_empty()).unwrap_or("(no output)")
    }
}

/// Runs `command` to its end, with its output appended to `log`.
///
/// # Errors
///
/// When it cannot be started, or does not end within `limit`. Its exit code is no error.
pub(super) fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<Done> {
    let name = line(command);
    Process::spawn(name, command, log, !std::io::stdin().is_terminal())?.wait(limit)
}

impl Process {
    /// Starts `command` with its output appended to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        Self::spawn(name.to_owned(), command, log, false)
    }

    fn spawn(name: String, command: &mut Command, log: &Path, group: bool) -> Result<Self> {
        let told = |error| format!("cannot write {}: {error}", log.display());
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(told)?;
        writeln!(file, "$ {}", line(command)).map_err(told)?;
        let offset = file.metadata().map_err(told)?.len();
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(told)?)
            .stderr(file);
        // A group of its own is not reached by the Ctrl-C of a person who watches.
        if group {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
            offset,
            group,
        })
    }

    /// Waits until it listens.
    pub(super) fn wait_for_port(&mut self, port: u16, within: Duration) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.wait_until(within, "does not listen", |_| {
            TcpStream::connect_timeout(&address, POLL).is_ok()
        })
    }

    /// Waits until it has printed `text`.
    pub(crate) fn wait_for_text(&mut self, text: &str, within: Duration) -> Result<()> {
        let what = format!("did not print `{text}`");
        self.wait_until(within, &what, |this| {
            this.output().is_ok_and(|output| output.contains(text))
        })
    }

    fn wait_until(
        &mut self,
        within: Duration,
        what: &str,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let watch = Stopwatch::start();
        while !holds(self) {
            self.still_runs()?;
            if watch.elapsed() > within {
                let (name, log) = (&self.name, self.log.display());
                return Err(format!("{name} {what} after {}; see {log}", human(within)).into());
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Fails when it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let (name, log) = (&self.name, self.log.display());
                Err(format!("{name} ended ({status}); see {log}").into())
            }
        }
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// When it does not within `limit`; it is ended then.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<Done> {
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let output = self.output()?;
                return Ok(Done { status, output });
            }
            if watch.elapsed() > limit {
                return Err(format!("{} did not end within {}", self.name, human(limit)).into());
            }
            sleep(POLL);
        }
    }

    /// What it has printed.
    fn output(&self) -> Result<String> {
        let mut file = File::open(&self.log)?;
        let length = fs::metadata(&self.log)?.len();
        let begin = self.offset.max(length.saturating_sub(OUTPUT_BYTES_MAX));
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends it a signal, by its id.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // What has ended meanwhile needs no signal.
        let _ = if self.group {
            kill_process_group(pid, signal)
        } else {
            kill_process(pid, signal)
        };
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::TERM);
        let watch = Stopwatch::start();
        while watch.elapsed() < GRACE {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(POLL);
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use rzero_harness::RunFolder;

    use super::{Process, run};

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn output_and_exit_code_are_given() {
        let folder = RunFolder::throw_away().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        run(command.args(["-c", "echo earlier"]), &log, LONG).unwrap();
        let mut command = Command::new("sh");
        let done = run(
            command.args(["-c", "echo one; echo two >&2; exit 3"]),
            &log,
            LONG,
        )
        .unwrap();
        assert_eq!((done.status.code(), done.last_line()), (Some(3), "two"));
        assert!(!done.output.contains("earlier"), "{}", done.output);
    }

    #[test]
    fn process_over_its_limit_is_ended() {
        let folder = RunFolder::throw_away().unwrap();
        let log = folder.path().join("log");
        let error = run(Command::new("sleep").arg("600"), &log, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }

    #[test]
    fn process_that_ended_early_is_noticed() {
        let folder = RunFolder::throw_away().unwrap();
        let log = folder.path().join("log");
        let mut process = Process::start("true", &mut Command::new("true"), &log).unwrap();
        let error = process.wait_for_text("ready", LONG).unwrap_err();
        assert!(error.to_string().starts_with("true ended"), "{error}");
    }
}
