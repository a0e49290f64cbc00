//! Go programs: each in a folder of its own below `target/peers-go`, named after its version, so
//! that nothing is taken from, or put into, the folders of whoever runs this.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rzero_harness::find_program;

use crate::cargo::{root, target};
use crate::error::Result;
use crate::step::{Stopwatch, human};

use super::process::run;

/// How long fetching and building one program may take.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Programs of others, by where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    H2spec,
    GrpcGo,
    Grpcurl,
    Conformance,
    /// Ours, in Go: `crates/rzero-interop/go`.
    Peers,
}

impl Program {
    pub(super) const ALL: [Self; 5] = [
        Self::H2spec,
        Self::GrpcGo,
        Self::Grpcurl,
        Self::Conformance,
        Self::Peers,
    ];

    /// Its name and version, which is also that of its folder.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::H2spec => "h2spec-2.2.1",
            Self::GrpcGo => "grpc-go-interop-1.84.0",
            Self::Grpcurl => "grpcurl-1.9.3",
            Self::Conformance => "connectconformance-1.0.7",
            Self::Peers => "peers",
        }
    }

    /// The packages to install; none when they lie in this repository.
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::H2spec => &["github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"],
            Self::GrpcGo => &[
                "google.golang.org/grpc/interop/client@v1.84.0",
                "google.golang.org/grpc/interop/server@v1.84.0",
            ],
            Self::Grpcurl => &["github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"],
            Self::Conformance => &["connectrpc.com/conformance/cmd/connectconformance@v1.0.7"],
            Self::Peers => &[],
        }
    }

    /// The files that are there once it is installed.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::H2spec => &["h2spec"],
            Self::GrpcGo => &["client", "server"],
            Self::Grpcurl => &["grpcurl"],
            Self::Conformance => &["connectconformance"],
            Self::Peers => &["grpc-client", "grpc-server", "zrpc-client", "zrpc-server"],
        }
    }

    fn folder(self) -> PathBuf {
        target().join("peers-go").join(self.title())
    }

    fn is_there(self) -> bool {
        let folder = self.folder();
        self.files().iter().all(|file| folder.join(file).is_file())
    }

    /// Runs one of its files.
    pub(super) fn command(self, file: &str) -> Command {
        Command::new(self.folder().join(file))
    }
}

/// Installs `program` unless it is there.
pub(super) fn ensure(program: Program) -> Result<()> {
    // What lies in this repository may have changed; Go knows what to build again.
    if program != Program::Peers && program.is_there() {
        println!("    present: {}", program.folder().display());
        return Ok(());
    }
    let go = find_program("go").ok_or("`go` is not on PATH")?;
    let folder = program.folder();
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let mut command = Command::new(go);
    if program == Program::Peers {
        command.current_dir(root().join("crates/rzero-interop/go"));
        command.arg("build").arg("-o").arg(&folder).arg("./cmd/...");
    } else {
        command.arg("install").args(program.packages());
        command.env("GOBIN", &folder);
    }
    println!("    {} (a minute or so the first time)", program.title());
    let watch = Stopwatch::start();
    let log = folder.join("install.log");
    super::forget(&log)?;
    let done = run(&mut command, &log, LIMIT)?;
    if !done.status.success() || !program.is_there() {
        let (line, log) = (done.last_line(), log.display());
        return Err(format!("{} ({line}); see {log}", done.status).into());
    }
    println!("    installed in {}", human(watch.elapsed()));
    Ok(())
}
