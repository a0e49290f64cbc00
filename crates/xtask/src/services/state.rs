//! The note in the target folder that says where this checkout's servers live.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cargo;
use crate::error::Result;

/// Begins the name of every folder that the harness makes for lasting servers. Only such a
/// folder is ever removed, whatever the note says.
const FOLDER_PREFIX: &str = "rz-services-";

/// The note, locked: one chore at a time starts or stops the servers of a checkout.
#[derive(Debug)]
pub(crate) struct State {
    note: PathBuf,
    // Held, never read: the lock ends with the file.
    _lock: File,
}

impl State {
    /// Waits for the lock of this checkout.
    ///
    /// # Errors
    ///
    /// When the target folder is not writable.
    pub(crate) fn lock() -> Result<Self> {
        Self::lock_in(&cargo::target())
    }

    fn lock_in(target: &Path) -> Result<Self> {
        let home = target.join("rz-services");
        // Beside the folder of the note, which `down` removes.
        let lock = target.join("rz-services.lock");
        fs::create_dir_all(target)?;
        let lock = File::create(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| format!("cannot lock {}: {error}", lock.display()))?;
        Ok(Self {
            note: home.join("folder"),
            _lock: lock,
        })
    }

    /// The folder of the servers that were started last, if they were not stopped since.
    ///
    /// # Errors
    ///
    /// When the note cannot be read or names something that is no folder of servers.
    pub(crate) fn folder(&self) -> Result<Option<PathBuf>> {
        let text = match fs::read_to_string(&self.note) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read {}: {error}", self.note()).into()),
        };
        let folder = PathBuf::from(text.trim_end_matches('\n'));
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if folder.is_absolute() && name.starts_with(FOLDER_PREFIX) {
            return Ok(Some(folder));
        }
        Err(format!(
            "{} names no folder of servers; delete that file",
            self.note()
        )
        .into())
    }

    /// Notes the folder of servers that are about to be started.
    ///
    /// # Errors
    ///
    /// When the note cannot be written.
    pub(crate) fn set(&self, folder: &Path) -> Result<()> {
        let home = self.note.parent().unwrap_or(Path::new("."));
        let draft = self.note.with_extension("draft");
        fs::create_dir_all(home)
            .and_then(|()| fs::write(&draft, format!("{}\n", folder.display())))
            .and_then(|()| fs::rename(&draft, &self.note))
            .map_err(|error| format!("cannot write {}: {error}", self.note()).into())
    }

    /// Removes the note: the servers are gone.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub(crate) fn clear(&self) -> Result<()> {
        let home = self.note.parent().unwrap_or(Path::new("."));
        match fs::remove_dir_all(home) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("cannot remove {}: {error}", home.display()).into())
            }
            _ => Ok(()),
        }
    }

    fn note(&self) -> std::path::Display<'_> {
        self.note.display()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use rzero_harness::RunFolder;

    use super::State;

    #[test]
    fn note_is_kept_until_cleared() {
        let target = RunFolder::throw_away().unwrap();
        let state = State::lock_in(target.path()).unwrap();
        assert_eq!(state.folder().unwrap(), None);
        state.set(Path::new("/tmp/rz-services-1")).unwrap();
        assert_eq!(
            state.folder().unwrap().unwrap(),
            Path::new("/tmp/rz-services-1")
        );
        state.clear().unwrap();
        assert_eq!(state.folder().unwrap(), None);
        state.clear().unwrap();
    }

    #[test]
    fn foreign_folder_is_never_believed() {
        let target = RunFolder::throw_away().unwrap();
        let state = State::lock_in(target.path()).unwrap();
        for folder in ["/etc", "rz-services-1", "/"] {
            state.set(Path::new(folder)).unwrap();
            assert!(state.folder().is_err(), "{folder}");
        }
        assert!(fs::exists("/etc").unwrap());
    }
}
