//! Finding a server's program, and saying how to get it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::HarnessError;

/// A program and the Debian package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Program {
    /// The file name of the program, or the full path of a file that programs need.
    pub name: &'static str,
    /// The Debian package it comes from.
    pub package: &'static str,
}

impl Program {
    /// The etcd server.
    pub const ETCD: Self = Self {
        name: "etcd",
        package: "etcd-server",
    };
    /// etcd's command line client.
    pub const ETCDCTL: Self = Self {
        name: "etcdctl",
        package: "etcd-client",
    };
    /// The Redis server.
    pub const REDIS: Self = Self {
        name: "redis-server",
        package: "redis-server",
    };
    /// Redis's command line client.
    pub const REDIS_CLI: Self = Self {
        name: "redis-cli",
        package: "redis-tools",
    };
    /// The protocol buffer compiler, which the build script of the etcd client runs.
    pub const PROTOC: Self = Self {
        name: "protoc",
        package: "protobuf-compiler",
    };
    /// The contracts that come with the protocol buffer compiler, but in a package of their own.
    pub const PROTOC_INCLUDES: Self = Self {
        name: "/usr/include/google/protobuf/descriptor.proto",
        package: "libprotobuf-dev",
    };

    /// Counts the instructions of a program.
    pub const VALGRIND: Self = Self {
        name: "valgrind",
        package: "valgrind",
    };

    /// Where the program is.
    ///
    /// # Errors
    ///
    /// [`HarnessError::MissingProgram`] with the command that installs it.
    pub fn path(&self) -> Result<PathBuf, HarnessError> {
        find(self.name).ok_or_else(|| self.missing())
    }

    /// The command that installs the program.
    pub fn install_command(&self) -> String {
        format!("apt-get install --no-install-recommends {}", self.package)
    }

    fn missing(&self) -> HarnessError {
        HarnessError::MissingProgram {
            program: self.name.to_owned(),
            command: self.install_command(),
        }
    }
}

/// The file called `name` on `PATH`, or in one of the folders where Debian puts servers.
///
/// A normal user's `PATH` may lack the `sbin` folders.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(name, &path)
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .chain(["/usr/local/bin", "/usr/bin", "/usr/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| is_file(candidate))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Program, find_in};

    #[test]
    fn program_is_found_beyond_path() {
        assert!(find_in("env", OsStr::new("")).is_some());
        assert!(find_in("no-such-program", OsStr::new("/usr/bin")).is_none());
    }

    #[test]
    fn missing_program_names_its_command() {
        let text = Program::ETCD.missing().to_string();
        assert!(
            text.contains("apt-get install --no-install-recommends etcd-server"),
            "{text}"
        );
        assert!(text.contains("cargo xtask services up"), "{text}");
    }
}
