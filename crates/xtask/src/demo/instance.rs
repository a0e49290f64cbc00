//! One instance of the demo's service, as a process.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};

use super::prepare::Project;
use crate::error::Result;
use crate::step::Stopwatch;

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);
/// How long an instance may take to become ready, or to leave.
const PATIENCE: Duration = Duration::from_secs(40);

/// Milliseconds since 1970, to compare times of several processes on this host.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Environment that points every process of the demo at its own registry.
pub(super) fn command(program: &PathBuf, project: &Project) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(&project.folder)
        .env("RZ_REGISTRY__DIR", &project.registry)
        .env_remove("RZ_CONFIG")
        .stdin(Stdio::null());
    command
}

/// A process, killed when dropped.
pub(super) struct Instance {
    name: String,
    child: Child,
    log: PathBuf,
    ready_at_ms: u64,
}

impl Instance {
    pub(super) fn start(project: &Project, name: &str) -> Result<Self> {
        let log = project.folder.join(format!("instance-{name}.log"));
        let child = command(&project.server, project)
            .env("DEMO_INSTANCE", name)
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            ready_at_ms: 0,
        })
    }

    /// Waits for the log line that says it is ready.
    pub(super) fn wait_until_ready(&mut self) -> Result<()> {
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            let log = fs::read_to_string(&self.log)?;
            if log.contains(" ready ") {
                self.ready_at_ms = unix_ms();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("instance {} ended ({status}):\n{log}", self.name).into());
            }
            sleep(POLL);
        }
        Err(format!(
            "instance {} did not become ready; see {}",
            self.name,
            self.log.display()
        )
        .into())
    }

    pub(super) fn ready_at_ms(&self) -> u64 {
        self.ready_at_ms
    }

    /// Asks it to leave; says when.
    pub(super) fn terminate(&mut self) -> Result<u64> {
        let at = unix_ms();
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        Ok(at)
    }

    /// Kills it; says when.
    pub(super) fn kill(&mut self) -> Result<u64> {
        let at = unix_ms();
        self.child.kill()?;
        self.child.wait()?;
        Ok(at)
    }

    /// Waits until it left, which it must do by itself and with exit code 0.
    pub(super) fn wait_until_gone(&mut self) -> Result<()> {
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let log = self.log.display();
                    return Err(
                        format!("instance {} ended with {status}; see {log}", self.name).into(),
                    );
                }
                None => sleep(POLL),
            }
        }
        Err(format!("instance {} did not leave in time", self.name).into())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It has usually ended already; what fails here has nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
