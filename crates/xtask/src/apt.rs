//! Debian packages that tests need.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rzero_harness::{Program, find_program, runs_as_root};

use crate::cargo::check;
use crate::error::Result;

/// Asked by Debian's packages before they start their daemon; 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// Says in the file that it is ours, so that one left by a killed run is taken over.
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Made by rzero's cargo xtask for the time of an installation.\nexit 101\n";

/// Installs the packages of those `programs` that are missing.
///
/// # Errors
///
/// When this process is not root, with the command to run; when the installation fails.
pub(crate) fn ensure(programs: &[Program]) -> Result<()> {
    let missing: Vec<&Program> = programs
        .iter()
        .filter(|program| find_program(program.name).is_none())
        .collect();
    if missing.is_empty() {
        println!("    present: {}", names(programs.iter()));
        return Ok(());
    }
    println!("    missing: {}", names(missing.iter().copied()));
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    if find_program("apt-get").is_none() {
        let names = names(missing.iter().copied());
        return Err(format!("install {names} with this system's package manager").into());
    }
    if !runs_as_root() {
        return Err(hint(&packages).into());
    }
    install(&packages)?;
    match missing
        .iter()
        .find(|program| find_program(program.name).is_none())
    {
        None => Ok(()),
        Some(program) => Err(format!(
            "package {} is installed but brought no program `{}`",
            program.package, program.name
        )
        .into()),
    }
}

fn names<'a>(programs: impl Iterator<Item = &'a Program>) -> String {
    programs
        .map(|program| program.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn hint(packages: &[&str]) -> String {
    format!(
        "packages are missing and only root may install them; run: \
         sudo sh -c 'apt-get update && apt-get install --no-install-recommends -y {}'",
        packages.join(" ")
    )
}

fn install(packages: &[&str]) -> Result<()> {
    let _policy = Policy::forbid_daemons(Path::new(POLICY))?;
    println!("    apt-get update");
    check(apt_get().arg("update"))?;
    println!("    apt-get install {}", packages.join(" "));
    check(
        apt_get()
            .args(["install", "--no-install-recommends", "-y"])
            .args(packages),
    )
}

/// apt-get without questions, patient with other installers and with the network.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-qq", "-o", "Dpkg::Use-Pty=0"])
        .args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"])
        .stdin(Stdio::null());
    command
}

/// Keeps packages from starting daemons while it lives. A policy that was there is left alone.
#[derive(Debug)]
struct Policy {
    ours: Option<PathBuf>,
}

impl Policy {
    fn forbid_daemons(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) if text != POLICY_TEXT => return Ok(Self { ours: None }),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(format!("cannot read {}: {error}", path.display()).into());
            }
            _ => {}
        }
        let policy = Self {
            ours: Some(path.to_owned()),
        };
        fs::write(path, POLICY_TEXT)
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(policy)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(path) = &self.ours {
            // A file that stays is known by its text and removed by the next installation.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rzero_harness::RunFolder;

    use super::{POLICY_TEXT, Policy, hint};

    #[test]
    fn own_policy_is_removed_afterwards() {
        let folder = RunFolder::throw_away().unwrap();
        let path = folder.path().join("policy-rc.d");
        let policy = Policy::forbid_daemons(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), POLICY_TEXT);
        drop(policy);
        assert!(!path.exists());
    }

    #[test]
    fn policy_of_a_killed_run_is_taken_over() {
        let folder = RunFolder::throw_away().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, POLICY_TEXT).unwrap();
        drop(Policy::forbid_daemons(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn foreign_policy_is_left_alone() {
        let folder = RunFolder::throw_away().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        drop(Policy::forbid_daemons(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "#!/bin/sh\nexit 0\n");
    }

    #[test]
    fn normal_user_is_told_the_command() {
        let text = hint(&["etcd-server", "etcd-client"]);
        assert!(
            text.contains("apt-get install --no-install-recommends -y etcd-server etcd-client")
        );
    }
}
