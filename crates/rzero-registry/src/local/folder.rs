//! The folder itself: where it is, whose it is, and what its parts are called.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rzero_core::Error;

use crate::ServiceName;

/// Stands for the slash of a service name in the name of its folder; no service name has it.
const SLASH: &str = "~";
/// Only the owner may look into the folder.
const OWNER_ONLY: u32 = 0o700;

/// The folder of a local registry, checked once when it was opened.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
}

impl Root {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| cannot("make", parent, &error))?;
        }
        Self::claim(path)
    }

    pub(super) fn open_default() -> Result<Self, Error> {
        let user = user_id();
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let ours = |dir: &PathBuf| {
            let metadata = fs::metadata(dir);
            dir.is_absolute() && metadata.is_ok_and(|m| m.is_dir() && m.uid() == user)
        };
        match runtime_dir.filter(ours) {
            Some(dir) => {
                Self::claim(&dir.join("rzero"))?;
                Self::claim(&dir.join("rzero/registry"))
            }
            None => Self::claim(Path::new(&format!("/tmp/rzero-{user}"))),
        }
    }

    /// Makes the folder if it is not there, and checks that nobody else can reach into it.
    fn claim(path: &Path) -> Result<Self, Error> {
        make_folder(path).map_err(|error| cannot("make", path, &error))?;
        let metadata = fs::symlink_metadata(path).map_err(|error| cannot("read", path, &error))?;
        check(path, &metadata, user_id())?;
        if metadata.permissions().mode() & 0o777 != OWNER_ONLY {
            // Closing a folder that has another use, such as `/tmp`, would harm the host.
            if !holds_services_only(path).map_err(|error| cannot("read", path, &error))? {
                return Err(Error::invalid_input(format!(
                    "registry folder {path} is open to other users and holds other things; set \
                     `registry.dir` to a folder of its own, such as {path}/rzero-registry",
                    path = path.display(),
                )));
            }
            fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))
                .map_err(|error| cannot("close to other users", path, &error))?;
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The error for a folder that could be opened and can no longer be read.
    pub(super) fn unreadable(&self, error: &io::Error) -> Error {
        let dir = self.path.display();
        Error::unavailable(format!("cannot read the registry folder {dir}: {error}"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a service.
    pub(super) fn service(&self, service: &ServiceName) -> PathBuf {
        self.path.join(service.as_str().replace('/', SLASH))
    }

    /// Makes the folder of a service, and the root if somebody removed it.
    pub(super) fn make_service(&self, service: &ServiceName) -> io::Result<PathBuf> {
        let folder = self.service(service);
        make_folder(&self.path)?;
        make_folder(&folder)?;
        Ok(folder)
    }

    /// The services that have a folder.
    pub(super) fn services(&self) -> io::Result<Vec<ServiceName>> {
        let folders = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folders => folders?,
        };
        let mut services = Vec::new();
        for folder in folders {
            let folder = folder?;
            if !folder.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue; // a foreign file
            }
            let name = folder.file_name();
            let name = name.to_str().map(|name| name.replace(SLASH, "/"));
            services.extend(name.and_then(|name| name.parse().ok()));
        }
        services.sort();
        Ok(services)
    }
}

/// The user this process acts for.
fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(OWNER_ONLY).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

/// Whether all that is in a folder was made by a registry of this user: closed folders.
fn holds_services_only(path: &Path) -> io::Result<bool> {
    for inside in fs::read_dir(path)? {
        let metadata = inside?.metadata()?;
        let closed = metadata.permissions().mode() & 0o777 == OWNER_ONLY;
        if !(metadata.is_dir() && closed && metadata.uid() == user_id()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check(path: &Path, metadata: &Metadata, user: u32) -> Result<(), Error> {
    let problem = if metadata.is_symlink() {
        "is a symbolic link, which another user may have planted; remove it".to_owned()
    } else if !metadata.is_dir() {
        "is not a folder; remove it".to_owned()
    } else if metadata.uid() != user {
        let owner = metadata.uid();
        format!("belongs to user id {owner}, not to {user} who runs this process; remove it")
    } else {
        return Ok(());
    };
    Err(Error::invalid_input(format!(
        "registry folder {} {problem}, or set `registry.dir` to a folder of your own",
        path.display(),
    )))
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::invalid_input(format!(
        "cannot {what} the registry folder {}: {error}; set `registry.dir` to a folder that this \
         user may write to",
        path.display(),
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folder_is_made_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        Root::open(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn open_folder_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Root::open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn open_folder_with_another_use_is_refused_and_left_open() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("letter"), "").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let error = Root::open(dir.path()).unwrap_err();
        assert!(error.message().contains("holds other things"), "{error}");
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o1777);
        Root::open(&dir.path().join("rzero-registry")).unwrap();
    }

    #[test]
    fn folder_of_services_that_was_opened_is_closed_again() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.make_service(&"a".parse().unwrap()).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Root::open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(dir.path(), &link).unwrap();
        let error = Root::open(&link).unwrap_err();
        assert!(error.message().contains("symbolic link"), "{error}");
        assert!(error.message().contains("registry.dir"), "{error}");
    }

    #[test]
    fn file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Root::open(file.path()).unwrap_err();
        assert!(error.message().contains("is not a folder"), "{error}");
    }

    #[test]
    fn folder_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let metadata = fs::symlink_metadata(dir.path()).unwrap();
        let error = check(dir.path(), &metadata, metadata.uid() + 1).unwrap_err();
        assert!(error.message().contains("belongs to user id"), "{error}");
    }

    #[test]
    fn place_that_cannot_be_written_is_named() {
        let error = Root::open(Path::new("/proc/rzero/registry")).unwrap_err();
        assert!(error.message().contains("/proc/rzero"), "{error}");
    }

    #[test]
    fn service_names_survive_as_folders() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut names = ["a/b.rpc", "a_b-c", "..x"].map(|n| n.parse::<ServiceName>().unwrap());
        names.sort();
        for name in &names {
            root.make_service(name).unwrap();
        }
        assert_eq!(root.services().unwrap(), names);
    }
}
