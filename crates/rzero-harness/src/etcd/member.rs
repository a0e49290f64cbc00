//! One member: a process, its data, and the ways to hurt it.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;

use super::probe::View;
use super::{EtcdOptions, READY_WITHIN, probe};
use crate::deadline::Deadline;
use crate::error::HarnessError;
use crate::process;
use crate::record::ServerRecord;

/// How long a member may take to end after SIGTERM before it is killed.
const STOP_WITHIN: Duration = Duration::from_millis(500);
/// Time limit of a first probe. etcd answers within a few milliseconds, or, without a quorum,
/// after a second: asking again sooner notices the quorum sooner.
const PROBE_FIRST: Duration = Duration::from_millis(200);
/// Time limit of later probes, for a machine under load.
const PROBE_MAX: Duration = Duration::from_secs(2);

/// What a member does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// Its process runs.
    Running,
    /// Its process is stopped by SIGSTOP: connections stay open, nothing answers.
    Paused,
    /// It has no process.
    Down,
}

/// One member of an [`EtcdCluster`](super::EtcdCluster).
#[derive(Debug)]
pub struct Member {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    folder: PathBuf,
    data: PathBuf,
    log: PathBuf,
    endpoint: SocketAddr,
    probe: SocketAddr,
    child: Option<Child>,
    paused: bool,
}

impl Member {
    /// Prepares a member without starting it.
    pub(super) fn plan(
        program: &Path,
        folder: &Path,
        name: &str,
        [client, peer, probe]: [u16; 3],
        cluster: &str,
        options: &EtcdOptions,
    ) -> Result<Self, HarnessError> {
        let home = folder.join(name);
        fs::create_dir_all(&home).map_err(HarnessError::path("make the folder", &home))?;
        process::hand_over(&home)?;
        let data = home.join("data");
        let client_url = format!("{}://127.0.0.1:{client}", options.scheme());
        let peer_url = format!("http://127.0.0.1:{peer}");
        let probe_url = format!("http://127.0.0.1:{probe}");
        let token = folder.file_name().unwrap_or_default().to_os_string();
        let mut args: Vec<OsString> = vec!["--data-dir".into(), data.clone().into_os_string()];
        args.extend(["--initial-cluster-token".into(), token]);
        let pairs = [
            ("--name", name),
            ("--listen-client-urls", &client_url),
            ("--advertise-client-urls", &client_url),
            ("--listen-peer-urls", &peer_url),
            ("--initial-advertise-peer-urls", &peer_url),
            // Health and metrics in plain HTTP also where clients must speak TLS.
            ("--listen-metrics-urls", &probe_url),
            ("--initial-cluster", cluster),
            ("--initial-cluster-state", "new"),
            ("--heartbeat-interval", "50"),
            ("--election-timeout", "300"),
            ("--auto-compaction-retention", "0"),
            ("--logger", "zap"),
            ("--log-outputs", "stderr"),
        ];
        args.extend(
            pairs
                .iter()
                .flat_map(|(flag, value)| [flag.into(), value.into()]),
        );
        // Durability against a crash of the machine is not what tests are about.
        args.extend(["--pre-vote".into(), "--unsafe-no-fsync".into()]);
        args.extend(options.args(&home)?);
        Ok(Self {
            name: name.to_owned(),
            program: program.to_owned(),
            args,
            folder: folder.to_owned(),
            data,
            log: folder.join(format!("{name}.log")),
            endpoint: SocketAddr::from((Ipv4Addr::LOCALHOST, client)),
            probe: SocketAddr::from((Ipv4Addr::LOCALHOST, probe)),
            child: None,
            paused: false,
        })
    }

    /// The member's name: `etcd-0`, `etcd-1` and so on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients connect, `127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// The id of the member's process, if it has one.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What the member does, as far as the harness made it do so. A process that ended on its
    /// own still counts as running; [`Member::wait_ready`] tells.
    pub fn state(&self) -> MemberState {
        match (&self.child, self.paused) {
            (None, _) => MemberState::Down,
            (Some(_), true) => MemberState::Paused,
            (Some(_), false) => MemberState::Running,
        }
    }

    /// The first and the last lines of the member's log.
    pub fn log_excerpt(&self) -> String {
        process::log_excerpt(&self.log)
    }

    /// Kills the member with SIGKILL, paused or not, and waits until its process is gone. Its
    /// data stays. Does nothing to a member that is down.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled or waited for.
    pub fn kill(&mut self) -> Result<(), HarnessError> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        self.paused = false;
        self.record(child.id()).remove(&self.folder);
        let action = || HarnessError::io(format!("kill {}", self.name));
        child.kill().map_err(action())?;
        child.wait().map_err(action())?;
        Ok(())
    }

    /// Asks the member to end with SIGTERM, and kills it if it has not after half a second. Its
    /// data stays. Does nothing to a member that is down.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled or waited for.
    pub fn stop(&mut self) -> Result<(), HarnessError> {
        self.terminate()?;
        if let Some(child) = &mut self.child {
            // An error here shows again in `kill`, which also collects the ended process.
            Deadline::after(STOP_WITHIN).wait(|| !matches!(child.try_wait(), Ok(None)));
        }
        self.kill()
    }

    /// Sends SIGTERM without waiting.
    pub(super) fn terminate(&mut self) -> Result<(), HarnessError> {
        if self.state() == MemberState::Paused {
            self.resume()?;
        }
        self.pid()
            .map_or(Ok(()), |pid| process::signal(pid, Signal::TERM))
    }

    /// Stops the member's process with SIGSTOP: its connections stay open and nothing answers,
    /// as on a machine that hangs.
    ///
    /// # Errors
    ///
    /// [`HarnessError::WrongState`] when it is down.
    pub fn pause(&mut self) -> Result<(), HarnessError> {
        process::signal(self.running("pause it")?, Signal::STOP)?;
        self.paused = true;
        Ok(())
    }

    /// Lets a paused member run on. Does nothing to one that runs.
    ///
    /// # Errors
    ///
    /// [`HarnessError::WrongState`] when it is down.
    pub fn resume(&mut self) -> Result<(), HarnessError> {
        process::signal(self.running("resume it")?, Signal::CONT)?;
        self.paused = false;
        Ok(())
    }

    /// Starts the member at its old addresses with the data it has, after stopping it if it runs.
    /// Does not wait: [`Member::wait_ready`] does, and needs a quorum.
    ///
    /// # Errors
    ///
    /// When the process cannot be started.
    pub fn restart(&mut self) -> Result<(), HarnessError> {
        self.stop()?;
        let child = process::spawn(&self.program, &self.args, &self.log)?;
        let record = self.record(child.id());
        // Owned before anything can fail, so that no process is ever left without an owner.
        self.child = Some(child);
        record.write(&self.folder)
    }

    /// Removes the member's data. Only a member that is down can be wiped. A single wiped member
    /// of a larger cluster is refused by the others when it returns; wipe all of them, with
    /// [`EtcdCluster::wipe_all`](super::EtcdCluster::wipe_all), to model a store that came back
    /// empty.
    ///
    /// # Errors
    ///
    /// [`HarnessError::WrongState`] when it runs, or the file system's error.
    pub fn wipe(&mut self) -> Result<(), HarnessError> {
        if let Some(state) = match self.state() {
            MemberState::Down => None,
            MemberState::Running => Some("running"),
            MemberState::Paused => Some("paused"),
        } {
            let server = self.name.clone();
            return Err(HarnessError::WrongState {
                server,
                state,
                action: "wipe its data",
            });
        }
        match fs::remove_dir_all(&self.data) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(HarnessError::path(
                "remove the data folder",
                &self.data,
            )(error)),
            _ => Ok(()),
        }
    }

    /// Waits until the member is healthy: it took part in a consistent read.
    ///
    /// # Errors
    ///
    /// [`HarnessError::WrongState`] when it is down, [`HarnessError::DiedAtStart`] as soon as its
    /// process ends, [`HarnessError::NotReady`] after 30 s.
    pub fn wait_ready(&mut self) -> Result<(), HarnessError> {
        self.running("wait for it")?;
        wait_ready(&mut [self])
    }

    /// Whether the member is running and healthy right now.
    pub fn is_healthy(&self) -> bool {
        self.state() == MemberState::Running && probe::is_healthy(self.probe, PROBE_MAX)
    }

    /// Who leads, in the member's view. `None` if it is down, paused or silent.
    pub(super) fn view(&self) -> Option<View> {
        (self.state() == MemberState::Running).then(|| probe::view(self.probe, PROBE_MAX))?
    }

    /// Lets the process run on without an owner.
    pub(super) fn detach(&mut self) {
        // Dropping a `Child` neither kills nor awaits it.
        self.child = None;
    }

    /// Tells of a process that ended on its own.
    fn check_alive(&mut self) -> Result<(), HarnessError> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        let action = format!("look at {}", self.name);
        match child.try_wait().map_err(HarnessError::io(action))? {
            None => Ok(()),
            Some(status) => Err(HarnessError::DiedAtStart {
                server: self.name.clone(),
                status: status.to_string(),
                log: self.log_excerpt(),
            }),
        }
    }

    fn running(&self, action: &'static str) -> Result<u32, HarnessError> {
        self.pid().ok_or_else(|| HarnessError::WrongState {
            server: self.name.clone(),
            state: "down",
            action,
        })
    }

    fn record(&self, pid: u32) -> ServerRecord {
        ServerRecord {
            name: self.name.clone(),
            pid,
            endpoint: self.endpoint,
            probe: self.probe,
        }
    }
}

/// Waits until all of `members` are healthy. Fails as soon as one of them ends, whichever is being
/// waited for: without a quorum the others would be asked in vain until the deadline.
pub(super) fn wait_ready(members: &mut [&mut Member]) -> Result<(), HarnessError> {
    let mut timeout = PROBE_FIRST;
    let mut ready = 0;
    let outcome = Deadline::after(READY_WITHIN).poll(|| {
        members
            .iter_mut()
            .try_for_each(|member| member.check_alive())?;
        while ready < members.len() && probe::is_healthy(members[ready].probe, timeout) {
            ready += 1;
        }
        timeout = (timeout * 2).min(PROBE_MAX);
        Ok((ready == members.len()).then_some(()))
    })?;
    outcome.ok_or_else(|| HarnessError::NotReady {
        server: members[ready].name.clone(),
        waited: READY_WITHIN,
        log: members[ready].log_excerpt(),
    })
}

impl Drop for Member {
    fn drop(&mut self) {
        // Nobody to tell in a destructor. What resists is recorded, and cleared by a later run.
        let _ = self.kill();
    }
}
