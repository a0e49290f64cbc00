//! How a cluster is to be started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::HarnessError;
use crate::etcd::certificates::Certificates;
use crate::program::Program;

/// More members than this teach nothing more and take a second each.
const MEMBERS_MAX: usize = 5;

/// How a cluster is to be started. Automatic compaction is off: a test compacts when it wants to.
#[derive(Debug, Clone)]
#[must_use]
pub struct EtcdOptions {
    members: usize,
    program: Option<PathBuf>,
    auth_token_ttl: Option<Duration>,
    certificates: Option<Certificates>,
    extra_args: Vec<OsString>,
}

impl EtcdOptions {
    /// A plaintext cluster of `members` members, held between one and five.
    pub fn new(members: usize) -> Self {
        Self {
            members: members.clamp(1, MEMBERS_MAX),
            program: None,
            auth_token_ttl: None,
            certificates: None,
            extra_args: Vec::new(),
        }
    }

    /// Lets authentication tokens expire after `ttl` without use, in whole seconds and at least
    /// one. etcd's default is five minutes; a test of token expiry wants two seconds.
    pub fn auth_token_ttl(mut self, ttl: Duration) -> Self {
        self.auth_token_ttl = Some(ttl);
        self
    }

    /// Makes the members speak TLS to clients, and demand a certificate of them. Members speak
    /// plaintext among themselves.
    pub fn tls(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// Starts this program instead of the installed etcd: another version, for instance.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Adds an argument to the command line of every member, after the harness's own.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.extra_args.push(arg.into());
        self
    }

    pub(crate) fn members(&self) -> usize {
        self.members
    }

    pub(crate) fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.certificates.is_some() {
            "https"
        } else {
            "http"
        }
    }

    /// The program to start.
    pub(crate) fn program_path(&self) -> Result<PathBuf, HarnessError> {
        match &self.program {
            None => Program::ETCD.path(),
            Some(path) if path.is_file() => Ok(path.clone()),
            Some(path) => Err(HarnessError::MissingProgram {
                program: path.display().to_string(),
                command: Program::ETCD.install_command(),
            }),
        }
    }

    /// The arguments that depend on these options, for a member with its files in `folder`.
    pub(crate) fn args(&self, folder: &Path) -> Result<Vec<OsString>, HarnessError> {
        let mut args: Vec<OsString> = Vec::new();
        if let Some(ttl) = self.auth_token_ttl {
            args.extend([
                "--auth-token-ttl".into(),
                ttl.as_secs().max(1).to_string().into(),
            ]);
        }
        if let Some(certificates) = &self.certificates {
            args.extend(certificates.write_server(folder)?);
        }
        args.extend(self.extra_args.iter().cloned());
        Ok(args)
    }
}
