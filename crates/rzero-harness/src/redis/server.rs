//! One server: a process, and the ways to hurt it.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::Signal;

use super::{RedisOptions, answers};
use crate::deadline::Deadline;
use crate::error::HarnessError;
use crate::folder::RunFolder;
use crate::ports::free_ports;
use crate::process;
use crate::program::Program;
use crate::record::ServerRecord;

/// How long a server may take to answer. 64 ms is normal.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long one question may take.
const PROBE: Duration = Duration::from_millis(500);
/// How often fresh ports are tried when somebody else was quicker to take one.
const PORT_ATTEMPTS: usize = 5;
const NAME: &str = "redis";

/// A Redis server on 127.0.0.1, owned by this value: dropping it kills the process, paused or not,
/// and removes its folder.
///
/// ```no_run
/// use rzero_harness::RedisServer;
///
/// let mut redis = RedisServer::start()?;
/// redis.cli(&["SET", "key", "value"])?;
/// redis.kill()?; // the client under test must cope
/// redis.restart()?; // at the same address, and empty
/// # Ok::<(), rzero_harness::HarnessError>(())
/// ```
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    args: Vec<OsString>,
    log: PathBuf,
    address: SocketAddr,
    tls: Option<SocketAddr>,
    bus: u16,
    child: Option<Child>,
    // Last: the process is killed before its folder is removed.
    folder: RunFolder,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`RedisServer::start_with`].
    pub fn start() -> Result<Self, HarnessError> {
        Self::start_with(&RedisOptions::new())
    }

    /// Starts a server in a throw-away folder and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`HarnessError::MissingProgram`] when Redis is not installed, [`HarnessError::DiedAtStart`]
    /// as soon as it ends, [`HarnessError::NotReady`] after 30 s; the last two with the end of its
    /// log.
    pub fn start_with(options: &RedisOptions) -> Result<Self, HarnessError> {
        for attempt in 1.. {
            let mut server = Self::plan(options)?;
            match server.restart() {
                Err(error) if error.is_port_conflict() && attempt < PORT_ATTEMPTS => {}
                outcome => return outcome.map(|()| server),
            }
        }
        unreachable!("the loop ends by returning")
    }

    fn plan(options: &RedisOptions) -> Result<Self, HarnessError> {
        let program = Program::REDIS.path()?;
        let folder = RunFolder::throw_away()?;
        let home = folder.path().join(NAME);
        fs::create_dir_all(&home).map_err(HarnessError::path("make the folder", &home))?;
        process::hand_over(&home)?;
        let ports = free_ports(3)?;
        let (port, tls_port, bus) = (ports[0], ports[1], ports[2]);
        let text = port.to_string();
        let mut args = options.first_args(&home)?;
        let pairs = [
            ("--port", text.as_str()),
            ("--bind", "127.0.0.1"),
            ("--save", ""),
            ("--appendonly", "no"),
            ("--daemonize", "no"),
            // Else it overwrites its command line, by which a leftover is known.
            ("--set-proc-title", "no"),
        ];
        args.extend(["--dir".into(), home.clone().into_os_string()]);
        args.extend(pairs.iter().flat_map(|(k, v)| [k.into(), v.into()]));
        args.extend(["--cluster-port".into(), bus.to_string().into()]);
        args.extend(options.args(&home, tls_port)?);
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            program,
            args,
            log: folder.path().join(format!("{NAME}.log")),
            address: local(port),
            tls: options.speaks_tls().then(|| local(tls_port)),
            bus,
            child: None,
            folder,
        })
    }

    /// Where clients connect in plaintext. It stays the same over restarts.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients connect in plaintext, as `127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// Where clients connect with TLS, as `127.0.0.1:port`, if it speaks that.
    pub fn tls_endpoint(&self) -> Option<String> {
        self.tls.map(|address| address.to_string())
    }

    /// The port by which nodes of a cluster find one another.
    pub(super) fn bus(&self) -> u16 {
        self.bus
    }

    /// The id of its process, if it has one.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The folder with its log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it with SIGKILL, paused or not, and waits until its process is gone. Its data is lost.
    /// Does nothing to a server that is down.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled or waited for.
    pub fn kill(&mut self) -> Result<(), HarnessError> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        self.record(child.id()).remove(self.folder.path());
        let failed = || HarnessError::io(format!("kill {NAME}"));
        child.kill().map_err(failed())?;
        child.wait().map_err(failed())?;
        Ok(())
    }

    /// Stops its process with SIGSTOP: connections stay open and nothing answers, as on a machine
    /// that hangs.
    ///
    /// # Errors
    ///
    /// [`HarnessError::WrongState`] when it is down.
    pub fn pause(&self) -> Result<(), HarnessError> {
        process::signal(self.running("pause it")?, Signal::STOP)
    }

    /// Lets a paused server run on.
    ///
    /// # Errors
    ///
    /// [`HarnessError::WrongState`] when it is down.
    pub fn resume(&self) -> Result<(), HarnessError> {
        process::signal(self.running("resume it")?, Signal::CONT)
    }

    /// Starts it at its old address, empty, after killing it if it runs, and waits until it
    /// answers.
    ///
    /// # Errors
    ///
    /// As [`RedisServer::start_with`].
    pub fn restart(&mut self) -> Result<(), HarnessError> {
        self.kill()?;
        let child = process::spawn(&self.program, &self.args, &self.log)?;
        let record = self.record(child.id());
        // Owned before anything can fail, so that no process is ever left without an owner.
        self.child = Some(child);
        record.write(self.folder.path())?;
        self.wait_ready()
    }

    /// Runs `redis-cli` against it and returns what it prints: `redis.cli(&["SCRIPT", "FLUSH"])`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::MissingProgram`], or [`HarnessError::Tool`] with what was complained about.
    pub fn cli(&self, args: &[&str]) -> Result<String, HarnessError> {
        let program = Program::REDIS_CLI.path()?;
        let shown = format!("redis-cli {}", args.join(" "));
        let output = Command::new(program)
            .args(["-e", "-h", "127.0.0.1", "-p"])
            .arg(self.address.port().to_string())
            .args(args)
            .output()
            .map_err(HarnessError::io(format!("run {shown}")))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(HarnessError::Tool {
            command: shown,
            status: output.status.to_string(),
            output: format!("{}{}", text(&output.stderr), text(&output.stdout)),
        })
    }

    fn wait_ready(&mut self) -> Result<(), HarnessError> {
        let ready = Deadline::after(READY_WITHIN).poll(|| {
            self.check_alive()?;
            Ok(answers(self.address, PROBE).then_some(()))
        })?;
        ready.ok_or_else(|| HarnessError::NotReady {
            server: NAME.to_owned(),
            waited: READY_WITHIN,
            log: process::log_excerpt(&self.log),
        })
    }

    /// Tells of a process that ended on its own.
    fn check_alive(&mut self) -> Result<(), HarnessError> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        match child
            .try_wait()
            .map_err(HarnessError::io("look at redis"))?
        {
            None => Ok(()),
            Some(status) => Err(HarnessError::DiedAtStart {
                server: NAME.to_owned(),
                status: status.to_string(),
                log: process::log_excerpt(&self.log),
            }),
        }
    }

    fn running(&self, action: &'static str) -> Result<u32, HarnessError> {
        self.pid().ok_or_else(|| HarnessError::WrongState {
            server: NAME.to_owned(),
            state: "down",
            action,
        })
    }

    fn record(&self, pid: u32) -> ServerRecord {
        ServerRecord {
            name: NAME.to_owned(),
            pid,
            endpoint: self.address,
            probe: self.address,
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Nobody to tell in a destructor. What resists is recorded, and cleared by a later run.
        let _ = self.kill();
    }
}
