//! What can go wrong between a test and a real server.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a server could not be started, reached or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// A server's program is not installed.
    #[error("`{program}` is not installed; run `cargo xtask services up`, or `{command}`")]
    MissingProgram {
        /// The program that was looked for.
        program: String,
        /// The command that installs it.
        command: String,
    },
    /// The file system, a socket or a process refused an action.
    #[error("cannot {action}")]
    Io {
        /// What was being done, with the path or address it was done to.
        action: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A server ended before it answered.
    #[error("{server} ended while starting ({status}); its log:\n{log}")]
    DiedAtStart {
        /// The server's name.
        server: String,
        /// How it ended.
        status: String,
        /// The first and the last lines it wrote.
        log: String,
    },
    /// A server runs and does not answer.
    #[error("{server} does not answer after {waited:?}; its log:\n{log}")]
    NotReady {
        /// The server's name.
        server: String,
        /// How long it was asked.
        waited: Duration,
        /// The first and the last lines it wrote.
        log: String,
    },
    /// No member was elected.
    #[error("no single etcd leader after {waited:?}; members that claim it: {claims:?}")]
    NoLeader {
        /// How long the members were asked.
        waited: Duration,
        /// Indexes of the members which said in the last round that they lead.
        claims: Vec<usize>,
    },
    /// The server is in a state in which this cannot be done.
    #[error("{server} is {state}: cannot {action}")]
    WrongState {
        /// The server's name.
        server: String,
        /// What it does at the moment.
        state: &'static str,
        /// What was asked.
        action: &'static str,
    },
    /// A process did not end when told to.
    #[error("process {pid} of {server} is still there {waited:?} after SIGKILL")]
    WillNotEnd {
        /// The server's name.
        server: String,
        /// Its process id.
        pid: u32,
        /// How long it was given.
        waited: Duration,
    },
    /// A command line tool of the server failed.
    #[error("`{command}` failed ({status}): {output}")]
    Tool {
        /// The command as it was run.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote to standard error.
        output: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a test certificate: {reason}")]
    Certificate {
        /// The certificate library's words.
        reason: String,
    },
}

impl HarnessError {
    /// Wraps a system error with the action that met it.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// Wraps a system error with a verb and the path it was applied to.
    pub(crate) fn path(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let (verb, path) = (verb.to_owned(), PathBuf::from(path));
        move |source| Self::Io {
            action: format!("{verb} {}", path.display()),
            source,
        }
    }

    /// Whether the server ended because somebody took its port between choice and use.
    pub(crate) fn is_port_conflict(&self) -> bool {
        // Servers write it with and without a capital letter.
        matches!(self, Self::DiedAtStart { log, .. } if log.contains("ddress already in use"))
    }
}
