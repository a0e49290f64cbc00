//! The folder of one run, and the clearing away of folders whose maker was killed.

use std::collections::hash_map::RandomState;
use std::env;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use rustix::process::geteuid;

use crate::error::HarnessError;
use crate::process::started_at;
use crate::record;

const THROW_AWAY: &str = "rz-harness-";
const LASTING: &str = "rz-services-";

/// A folder for the servers of one run: one sub-folder each, with logs and process ids beside.
///
/// It lies in the system's folder for temporary files, not in the checkout: servers run as
/// `nobody` when the tests run as root, and a home folder is closed to `nobody`. Dropping the
/// value removes the folder with all that is in it, unless [`RunFolder::keep`] was called; stop
/// the servers first.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    kept: bool,
}

impl RunFolder {
    /// A folder that lives no longer than this process.
    ///
    /// Its name carries the id and start of this process. Folders of makers that have died are
    /// cleared away first, with the servers recorded in them.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn throw_away() -> Result<Self, HarnessError> {
        sweep(&env::temp_dir());
        Self::create(&format!("{THROW_AWAY}{}-", owner_tag(process::id())))
    }

    /// A folder that is to outlive this process: its maker writes the path down before starting
    /// servers in it, and calls [`RunFolder::keep`] afterwards.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn lasting() -> Result<Self, HarnessError> {
        Self::create(LASTING)
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder in place when the value is dropped.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    fn create(prefix: &str) -> Result<Self, HarnessError> {
        let random = RandomState::new().build_hasher().finish();
        let path = env::temp_dir().join(format!("{prefix}{random:016x}"));
        // 0755 because servers may run as another user and must reach their sub-folder. The
        // creation fails if the name exists, so nobody can have planted it.
        fs::DirBuilder::new()
            .mode(0o755)
            .create(&path)
            .map_err(HarnessError::path("make the folder", &path))?;
        // The mask of this process may have taken bits away.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(HarnessError::path("open to all the folder", &path))?;
        Ok(Self { path, kept: false })
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing to tell anyone in a destructor; the sweep of a later run tries again.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Names a process unmistakably: its id, its start, and the namespace in which the id counts.
fn owner_tag(pid: u32) -> String {
    let started = started_at(pid).unwrap_or(0);
    format!("{pid}-{started}-{}", pid_namespace())
}

/// The number of this process's id namespace: containers may share a temporary folder.
fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// Clears away what dead makers of this user left in `folder`.
///
/// A leftover that resists is left for the next run: it must not fail a test of today.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(is_abandoned) && is_own_folder(&entry.path()) {
            let _ = record::reclaim(&entry.path());
        }
    }
}

/// Whether a folder name tells of a maker that is dead.
fn is_abandoned(name: &str) -> bool {
    let Some(tag) = name.strip_prefix(THROW_AWAY) else {
        return false;
    };
    let mut parts = tag.split('-').map(str::parse::<u64>);
    let (Some(Ok(pid)), Some(Ok(started)), Some(Ok(namespace))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let maker = u32::try_from(pid).ok().and_then(started_at);
    namespace == pid_namespace() && maker != Some(started)
}

/// Guards against a name planted by another user in a shared folder.
fn is_own_folder(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process;

    use super::{RunFolder, THROW_AWAY, is_abandoned, owner_tag, pid_namespace, sweep};

    #[test]
    fn folder_is_removed_with_its_guard() {
        let folder = RunFolder::throw_away().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn folder_of_live_maker_is_not_abandoned() {
        assert!(!is_abandoned(&format!(
            "{THROW_AWAY}{}-0123",
            owner_tag(process::id())
        )));
    }

    #[test]
    fn reused_process_id_does_not_own_old_folder() {
        // This process lives, but it did not start at tick 1.
        let name = format!("{THROW_AWAY}{}-1-{}-0123", process::id(), pid_namespace());
        assert!(is_abandoned(&name));
    }

    #[test]
    fn folder_of_other_namespace_is_left_alone() {
        assert!(!is_abandoned(&format!(
            "{THROW_AWAY}4000000-1-{}-0123",
            pid_namespace() + 1
        )));
    }

    #[test]
    fn foreign_names_are_left_alone() {
        for name in [
            "rz-harness-",
            "rz-harness-x-y-z",
            "rz-services-1-1-1",
            "other",
        ] {
            assert!(!is_abandoned(name), "{name}");
        }
    }

    #[test]
    fn sweep_removes_folder_of_dead_maker() {
        let home = RunFolder::throw_away().unwrap();
        let left = home.path().join(format!(
            "{THROW_AWAY}{}-1-{}-ab",
            process::id(),
            pid_namespace()
        ));
        fs::create_dir(&left).unwrap();
        sweep(home.path());
        assert!(!left.exists());
    }
}
