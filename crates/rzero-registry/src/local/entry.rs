//! The file of one instance, as its owner sees it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folder::Root;
use crate::{Instance, text};

/// How the name of an entry ends.
const SUFFIX: &str = ".json";
/// How the name of a file begins that is not an entry yet.
const UNFINISHED: &str = ".";
/// How often a name is tried when the folder vanishes under it.
const ATTEMPTS: usize = 3;

/// The file of one instance, locked by this process. Dropping it removes the file.
#[derive(Debug)]
pub(super) struct Entry {
    path: PathBuf,
    /// Carries the lock.
    file: File,
}

impl Entry {
    /// Writes a new file.
    pub(super) fn publish(root: &Root, instance: &Instance) -> io::Result<Self> {
        // Never the name that another process used: whoever finds it unlocked may remove it.
        let name = format!("{}.{:016x}{SUFFIX}", instance.id, text::random());
        Self::write(root, instance, name.as_ref())
    }

    /// Replaces the file's content, and brings it back if it was deleted.
    pub(super) fn replace(&mut self, root: &Root, instance: &Instance) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_owned();
        // The old file's lock goes with it, after the new one has its name: readers find a locked
        // file at each moment. The old value must not remove the new file, hence no drop.
        let new = Self::write(root, instance, &name)?;
        let mut old = std::mem::replace(self, new);
        old.path = PathBuf::new();
        Ok(())
    }

    /// Whether the file still has its name.
    pub(super) fn is_in_place(&self) -> bool {
        same_file(&self.path, &self.file)
    }

    /// Shows readers that the owner does not hang: the access time moves. The time of the content
    /// stays, by which they see whether there is something new to read.
    pub(super) fn beat(&self) -> io::Result<()> {
        let now = FileTimes::new().set_accessed(SystemTime::now());
        self.file.set_times(now)
    }

    /// Removes the file.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.unlink()
    }

    fn write(root: &Root, instance: &Instance, name: &OsStr) -> io::Result<Self> {
        let content = serde_json::to_vec(instance).map_err(io::Error::other)?;
        let mut attempt = 1;
        loop {
            let folder = root.make_service(&instance.service)?;
            match write_locked(&folder, name, &content) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                outcome => {
                    let path = folder.join(name);
                    return outcome.map(|file| Self { path, file });
                }
            }
        }
    }

    fn unlink(&mut self) -> io::Result<()> {
        let path = std::mem::take(&mut self.path);
        if path.as_os_str().is_empty() || !same_file(&path, &self.file) {
            return Ok(());
        }
        fs::remove_file(path)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Err(error) = self.unlink() {
            // Readers see that the lock is free and remove it in our stead.
            tracing::debug!(%error, "registry entry was left behind");
        }
    }
}

/// Whether a file of this name is an entry.
pub(super) fn is_entry(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    !name.starts_with(UNFINISHED.as_bytes()) && name.ends_with(SUFFIX.as_bytes())
}

/// Whether a file of this name is one that was to become an entry.
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let infix = SUFFIX.as_bytes();
    name.starts_with(UNFINISHED.as_bytes()) && name.windows(infix.len()).any(|part| part == infix)
}

/// Whether nobody holds the lock of the file: its owner is gone.
pub(super) fn is_abandoned(file: &File) -> io::Result<bool> {
    // Shared, so that two readers who look at once do not take each other for the owner.
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether `path` names the file that is open as `file`.
pub(super) fn same_file(path: &Path, file: &File) -> bool {
    let named = fs::symlink_metadata(path);
    let open = file.metadata();
    match (named, open) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

fn write_locked(folder: &Path, name: &OsStr, content: &[u8]) -> io::Result<File> {
    let mut unfinished = OsString::from(UNFINISHED);
    unfinished.push(name);
    unfinished.push(format!(".{:016x}", text::random()));
    let unfinished = folder.join(unfinished);
    let mut file = OpenOptions::new()
        .write(true)
        .read(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    let outcome = file
        .try_lock()
        .map_err(io::Error::from)
        .and_then(|()| file.write_all(content))
        .and_then(|()| fs::rename(&unfinished, folder.join(name)));
    match outcome {
        Ok(()) => Ok(file),
        Err(error) => {
            // The first error is the one that tells; this is only tidiness.
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::Address;

    use super::*;
    use crate::Weight;

    fn instance() -> Instance {
        let address = Address::tcp("127.0.0.1", 1);
        Instance::new("s".parse().unwrap(), "i".parse().unwrap(), "grpc", address)
    }

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    fn reader(entry: &Entry) -> File {
        File::open(&entry.path).unwrap()
    }

    #[test]
    fn entry_is_locked_while_its_owner_holds_it() {
        let (_dir, root) = root();
        let entry = Entry::publish(&root, &instance()).unwrap();
        let reader = reader(&entry);
        assert!(!is_abandoned(&reader).unwrap());
        let path = entry.path.clone();
        drop(entry);
        assert!(is_abandoned(&reader).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn replaced_entry_keeps_its_name_and_lock() {
        let (_dir, root) = root();
        let mut entry = Entry::publish(&root, &instance()).unwrap();
        let path = entry.path.clone();
        let changed = instance().with_weight(Weight::ZERO);
        entry.replace(&root, &changed).unwrap();
        assert_eq!(entry.path, path);
        assert!(entry.is_in_place());
        assert!(!is_abandoned(&reader(&entry)).unwrap());
        let content = fs::read(&path).unwrap();
        assert_eq!(
            serde_json::from_slice::<Instance>(&content).unwrap(),
            changed
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn deleted_entry_is_noticed_and_brought_back() {
        let (dir, root) = root();
        let mut entry = Entry::publish(&root, &instance()).unwrap();
        fs::remove_dir_all(dir.path().join("s")).unwrap();
        assert!(!entry.is_in_place());
        entry.replace(&root, &instance()).unwrap();
        assert!(entry.is_in_place());
    }

    #[test]
    fn drop_spares_a_file_of_somebody_else() {
        let (_dir, root) = root();
        let entry = Entry::publish(&root, &instance()).unwrap();
        let path = entry.path.clone();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "foreign").unwrap();
        drop(entry);
        assert!(path.exists());
    }
}
