//! How a Redis server is to be started.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::error::HarnessError;
use crate::etcd::Certificates;
use crate::process;

/// How a Redis server is to be started. It keeps nothing on disk: a server that is killed comes
/// back empty.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct RedisOptions {
    certificates: Option<Certificates>,
    sentinel: Option<String>,
    extra_args: Vec<OsString>,
}

impl RedisOptions {
    /// A plaintext server without a password.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a second port that speaks TLS and demands a certificate of its clients.
    pub fn tls(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// Adds an argument to the command line, after the harness's own:
    /// `.arg("--requirepass").arg("secret")`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.extra_args.push(arg.into());
        self
    }

    /// Makes it a sentinel, which keeps `settings` in a file of its own and adds what it learns.
    pub(super) fn sentinel(settings: String) -> Self {
        Self {
            sentinel: Some(settings),
            ..Self::default()
        }
    }

    pub(super) fn speaks_tls(&self) -> bool {
        self.certificates.is_some()
    }

    /// The arguments that stand before all others, for a server with its files in `home`.
    pub(super) fn first_args(&self, home: &Path) -> Result<Vec<OsString>, HarnessError> {
        let Some(settings) = &self.sentinel else {
            return Ok(Vec::new());
        };
        let path = home.join("sentinel.conf");
        fs::write(&path, settings).map_err(HarnessError::path("write the settings", &path))?;
        process::hand_over(&path)?;
        Ok(vec![path.into_os_string(), "--sentinel".into()])
    }

    /// The arguments that depend on these options, for a server with its files in `home`.
    pub(super) fn args(&self, home: &Path, tls_port: u16) -> Result<Vec<OsString>, HarnessError> {
        let mut args: Vec<OsString> = Vec::new();
        if let Some(certificates) = &self.certificates {
            args.extend(["--tls-port".into(), tls_port.to_string().into()]);
            let files = [
                (
                    "--tls-ca-cert-file",
                    "authority.pem",
                    &certificates.authority,
                ),
                ("--tls-cert-file", "server.pem", &certificates.server),
                ("--tls-key-file", "server.key", &certificates.server_key),
            ];
            for (flag, name, pem) in files {
                let path = home.join(name);
                fs::write(&path, pem)
                    .map_err(HarnessError::path("write the certificate", &path))?;
                process::hand_over(&path)?;
                args.extend([flag.into(), path.into_os_string()]);
            }
        }
        args.extend(self.extra_args.iter().cloned());
        Ok(args)
    }
}
