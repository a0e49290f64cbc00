//! Where the judges work: folders, ports, our programs.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cargo::target;
use crate::error::Result;
use crate::interop::tls_folder;

use super::forget;
use super::process::Process;

/// Ports below those that the kernel gives to outgoing connections, so that a server which is
/// restarted finds its own free.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// Attempts to find a free one.
const ATTEMPTS: usize = 64;
/// How long a server may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The folder of logs.
#[derive(Debug)]
pub(super) struct Lab {
    results: PathBuf,
}

/// Whether a server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Plaintext,
    Tls,
}

impl Lab {
    /// Makes the folder.
    pub(super) fn open() -> Result<Self> {
        let results = target().join("rz-results/peers");
        fs::create_dir_all(&results)
            .map_err(|error| format!("cannot make {}: {error}", results.display()))?;
        println!("    {}", results.display());
        Ok(Self { results })
    }

    /// The log of a judge.
    pub(super) fn log(&self, judge: &str) -> PathBuf {
        self.results.join(format!("{judge}.log"))
    }

    /// The log of a judge, empty.
    pub(super) fn fresh_log(&self, judge: &str) -> Result<PathBuf> {
        let log = self.log(judge);
        forget(&log)?;
        Ok(log)
    }

    /// A file beside the logs.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.results.join(name);
        fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }

    /// Our server of the test service. Its log is `<judge>.server.log`.
    pub(super) fn serve_interop(&self, judge: &str, transport: Transport) -> Result<Served> {
        let port = free_port()?;
        let mut command = ours("interop-server");
        command.args(["--port", &port.to_string()]);
        if transport == Transport::Tls {
            command.arg("--tls").arg("--tls-dir").arg(tls_folder());
        }
        let log = self.fresh_log(&format!("{judge}.server"))?;
        let mut process = Process::start("interop-server", &mut command, &log)?;
        process.wait_for_port(port, READY_WITHIN)?;
        Ok(Served { port, process })
    }
}

/// A server that listens.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) port: u16,
    process: Process,
}

impl Served {
    /// Fails when the server ended, which no peer may bring about.
    pub(super) fn still_runs(&mut self) -> Result<()> {
        self.process.still_runs()
    }
}

/// One of our programs.
pub(crate) fn ours(name: &str) -> Command {
    let mut command = Command::new(target().join("debug").join(name));
    // A configuration of whoever runs this is not meant for the programs under test.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RZ_") {
            command.env_remove(&name);
        }
    }
    command
}

/// A port of 127.0.0.1 that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    for _ in 0..ATTEMPTS {
        let random = RandomState::new().build_hasher().finish();
        let offset = u16::try_from(random % PORTS.len() as u64)?;
        let port = PORTS.start + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no free port on 127.0.0.1".into())
}

/// A path as an argument of a program.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}
