//! Which servers run in a folder: written when one starts, read when somebody else cleans up.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::error::HarnessError;
use crate::process::{kill_orphan, works_in};

/// File name extension of a record; it lies beside the server's own sub-folder, because that
/// one belongs to the server.
const EXTENSION: &str = "server";

/// One server of a run folder, as written down when it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerRecord {
    /// The server's name, which is also the name of its sub-folder.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// Where its clients connect.
    pub endpoint: SocketAddr,
    /// Where it answers `GET /health` in plain HTTP, or Redis's `PING`.
    pub probe: SocketAddr,
}

impl ServerRecord {
    /// Whether the recorded process runs: alive, and with `folder` on its command line.
    pub fn runs_in(&self, folder: &Path) -> bool {
        works_in(self.pid, folder)
    }

    /// Whether the server answers that it is healthy, within two seconds.
    pub fn is_healthy(&self) -> bool {
        let timeout = std::time::Duration::from_secs(2);
        crate::etcd::is_healthy(self.probe, timeout) || crate::redis::answers(self.probe, timeout)
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), HarnessError> {
        let path = self.path(folder);
        let line = format!("{} {} {}\n", self.pid, self.endpoint, self.probe);
        // Written whole and then moved: a reader never sees half a record.
        let draft = path.with_extension("draft");
        fs::write(&draft, line)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(HarnessError::path("write the record", &path))
    }

    pub(crate) fn remove(&self, folder: &Path) {
        // A record that stays is harmless: its process id no longer matches.
        let _ = fs::remove_file(self.path(folder));
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.name).with_extension(EXTENSION)
    }

    fn parse(name: &str, line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self {
            name: name.to_owned(),
            pid: words.next()?.parse().ok()?,
            endpoint: words.next()?.parse().ok()?,
            probe: words.next()?.parse().ok()?,
        })
    }
}

/// The servers recorded in `folder`, by name. A folder that is not there has none.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn records(folder: &Path) -> Result<Vec<ServerRecord>, HarnessError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(HarnessError::path("read the folder", folder)(error)),
    };
    let mut found: Vec<ServerRecord> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == EXTENSION)
        })
        .filter_map(|path| {
            ServerRecord::parse(
                path.file_stem()?.to_str()?,
                &fs::read_to_string(&path).ok()?,
            )
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// What [`reclaim`] found and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reclaimed {
    /// Recorded servers that ran and were killed.
    pub killed: usize,
    /// Recorded ids that had ended, or belong to a process which is not the server: left alone.
    pub gone: usize,
}

/// Kills the servers recorded in `folder` and removes it. Does nothing if it is not there.
///
/// A process is killed only if `folder` stands on its command line, so an id that the system
/// gave to somebody else since is safe.
///
/// # Errors
///
/// When a process does not end, or the folder cannot be read or removed.
pub fn reclaim(folder: &Path) -> Result<Reclaimed, HarnessError> {
    let mut outcome = Reclaimed::default();
    for server in records(folder)? {
        if server.runs_in(folder) {
            kill_orphan(server.pid, &server.name)?;
            outcome.killed += 1;
        } else {
            outcome.gone += 1;
        }
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(HarnessError::path("remove the folder", folder)(error))
        }
        _ => Ok(outcome),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::{Reclaimed, ServerRecord, reclaim, records};
    use crate::deadline::Deadline;
    use crate::folder::RunFolder;
    use crate::process::is_alive;

    fn record(name: &str, pid: u32) -> ServerRecord {
        let address = "127.0.0.1:1".parse().unwrap();
        ServerRecord {
            name: name.into(),
            pid,
            endpoint: address,
            probe: address,
        }
    }

    #[test]
    fn record_survives_the_file() {
        let folder = RunFolder::throw_away().unwrap();
        record("b", 7).write(folder.path()).unwrap();
        record("a", 8).write(folder.path()).unwrap();
        assert_eq!(
            records(folder.path()).unwrap(),
            [record("a", 8), record("b", 7)]
        );
    }

    /// A child that does not outlive a failed assertion.
    struct Sleeper(Child);

    impl Sleeper {
        fn start(command: &mut Command) -> Self {
            Self(
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap(),
            )
        }
    }

    impl Drop for Sleeper {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn reclaim_spares_reused_process_id() {
        let mut folder = RunFolder::throw_away().unwrap();
        folder.keep();
        let stranger = Sleeper::start(Command::new("sleep").arg("60"));
        record("etcd-0", stranger.0.id())
            .write(folder.path())
            .unwrap();
        let outcome = reclaim(folder.path()).unwrap();
        assert!(is_alive(stranger.0.id()));
        assert_eq!(outcome, Reclaimed { killed: 0, gone: 1 });
        assert!(!folder.path().exists());
    }

    #[test]
    fn reclaim_kills_process_of_its_folder() {
        let mut folder = RunFolder::throw_away().unwrap();
        folder.keep();
        let watched = folder.path().join("file");
        fs::write(&watched, "").unwrap();
        let server = Sleeper::start(Command::new("tail").arg("-f").arg(watched));
        let record = record("etcd-0", server.0.id());
        record.write(folder.path()).unwrap();
        // The command line is in place a moment after the start.
        assert!(Deadline::after(Duration::from_secs(10)).wait(|| record.runs_in(folder.path())));
        let outcome = reclaim(folder.path()).unwrap();
        assert!(!is_alive(server.0.id()));
        assert_eq!(outcome, Reclaimed { killed: 1, gone: 0 });
    }

    #[test]
    fn absent_folder_has_nothing_to_reclaim() {
        let gone = std::env::temp_dir().join("rz-services-never-made");
        assert_eq!(reclaim(&gone).unwrap(), Reclaimed::default());
    }
}
