//! Building the programs of `benches/peers`: nothing but this command builds them.

use std::path::{Path, PathBuf};
use std::process::Command;

use rzero_harness::find_program;

use crate::bench::polite;
use crate::cargo::{cargo, check, root, target};
use crate::error::Result;

use super::case::Case;
use super::system::{Program, System};

/// Which programs a run needs.
#[derive(Debug)]
pub(super) struct Needs {
    ours: bool,
    theirs: bool,
    go: bool,
}

impl Needs {
    pub(super) fn of(systems: &[&System], cases: &[Case]) -> Self {
        let uses = |program| {
            systems.iter().any(|system| {
                system.uses(program) && cases.iter().any(|case| case.includes(system))
            })
        };
        Self {
            ours: uses(Program::Ours),
            theirs: uses(Program::Theirs),
            go: uses(Program::Go),
        }
    }
}

/// The programs that are there.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    go: bool,
}

impl Programs {
    /// Whether both ends of `system` were built.
    pub(super) fn has(&self, system: &System) -> bool {
        self.go || !system.uses(Program::Go)
    }

    pub(super) fn path(&self, program: Program) -> PathBuf {
        match program {
            Program::Ours => self.folder.join("release/bench-ours"),
            Program::Theirs => self.folder.join("release/bench-theirs"),
            Program::Go => self.folder.join("bench-go"),
        }
    }
}

/// Builds what is needed, in release mode and politely: others may be at work on this machine.
pub(super) fn all(needs: &Needs) -> Result<Programs> {
    let folder = target().join("peers");
    let source = root().join("benches/peers");
    let mut build = cargo(["build", "--release"]);
    build
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder);
    for (needed, package) in [(needs.ours, "bench-ours"), (needs.theirs, "bench-theirs")] {
        if needed {
            build.args(["--package", package]);
        }
    }
    if needs.ours || needs.theirs {
        println!("    in release mode, which takes minutes the first time");
        check(&mut polite(build))?;
    }
    let go = needs.go && build_go(&source.join("go"), &folder)?;
    Ok(Programs { folder, go })
}

/// Builds the Go program. `false` where Go is missing, which is said.
fn build_go(source: &Path, folder: &Path) -> Result<bool> {
    let Some(go) = find_program("go") else {
        println!("    SKIPPED: all rows with grpc-go, because `go` is not on PATH");
        return Ok(false);
    };
    let mut build = Command::new(go);
    build.current_dir(source).arg("build").arg("-o");
    build.arg(folder.join("bench-go")).arg(".");
    check(&mut polite(build))?;
    Ok(true)
}
