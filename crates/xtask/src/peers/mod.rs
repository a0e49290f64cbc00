//! `cargo xtask test --peers`: programs that nobody here wrote judge the wire.
//!
//! Each judge is a step with a name, a log of its own and a verdict of one line. All of them run
//! even if one fails. Every process has a time limit and is ended by its id.
//!
//! | module | judges |
//! |---|---|
//! | `h2spec` | h2spec on HTTP/2 and HPACK |
//! | `grpc_go` | the interoperability cases of gRPC, grpc-go on the other side |
//! | `grpcurl` | reflection and calls from the command line |
//! | `checks` | the checks of our own grpc-go program against the echo service |
//! | `zrpc` | go-zero over a real etcd, with servers restarted under load |
//! | `conformance` | the gRPC part of the Connect conformance suite |

mod checks;
mod conformance;
mod grpc_go;
mod grpcurl;
mod h2spec;
mod install;
pub(crate) mod lab;
pub(crate) mod process;
mod zrpc;

use std::fs;
use std::path::Path;

use rzero_harness::find_program;

use crate::cargo::{cargo, check, packages};
use crate::error::Result;
use crate::interop::tls_folder;
use crate::step::Steps;

use install::Program;
use lab::Lab;

/// Our own programs that a judge needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    Interop,
    Echo,
    Conformance,
}

impl Ours {
    const ALL: [Self; 3] = [Self::Interop, Self::Echo, Self::Conformance];

    const fn package(self) -> &'static str {
        match self {
            Self::Interop => "rzero-interop",
            Self::Echo => "rzero-e2e",
            Self::Conformance => "rzero-conformance",
        }
    }
}

/// A judge: programs of others that use, or are used by, programs of ours.
struct Judge {
    name: &'static str,
    program: Program,
    ours: Ours,
    /// Gives the verdict in one line; an error is a verdict as well.
    run: fn(&Lab) -> Result<String>,
}

/// All judges, the quick ones first.
const JUDGES: [Judge; 11] = [
    Judge {
        name: "h2spec",
        program: Program::H2spec,
        ours: Ours::Interop,
        run: h2spec::judge,
    },
    Judge {
        name: "grpc-go-client",
        program: Program::GrpcGo,
        ours: Ours::Interop,
        run: grpc_go::client,
    },
    Judge {
        name: "grpc-go-client-tls",
        program: Program::GrpcGo,
        ours: Ours::Interop,
        run: grpc_go::client_tls,
    },
    Judge {
        name: "grpc-go-server",
        program: Program::GrpcGo,
        ours: Ours::Interop,
        run: grpc_go::server,
    },
    Judge {
        name: "grpc-go-server-tls",
        program: Program::GrpcGo,
        ours: Ours::Interop,
        run: grpc_go::server_tls,
    },
    Judge {
        name: "grpcurl",
        program: Program::Grpcurl,
        ours: Ours::Interop,
        run: grpcurl::judge,
    },
    Judge {
        name: "grpc-checks",
        program: Program::Peers,
        ours: Ours::Echo,
        run: checks::judge,
    },
    Judge {
        name: "zrpc-client",
        program: Program::Peers,
        ours: Ours::Echo,
        run: zrpc::client,
    },
    Judge {
        name: "zrpc-server",
        program: Program::Peers,
        ours: Ours::Echo,
        run: zrpc::server,
    },
    Judge {
        name: "conformance-server",
        program: Program::Conformance,
        ours: Ours::Conformance,
        run: conformance::server,
    },
    Judge {
        name: "conformance-client",
        program: Program::Conformance,
        ours: Ours::Conformance,
        run: conformance::client,
    },
];

/// The names of all judges, for the command line.
pub(crate) fn names() -> [&'static str; JUDGES.len()] {
    JUDGES.each_ref().map(|judge| judge.name)
}

/// The steps of the judges called `wanted`; of all when it is empty. Without Go there is one
/// visible line instead.
pub(crate) fn run_in(steps: &mut Steps, wanted: &[String]) {
    if find_program("go").is_none() {
        let line = "skipped: peers: `go` is not on PATH; install Go 1.25 or newer";
        steps.note(line.to_owned());
        return;
    }
    let judges: Vec<&Judge> = JUDGES
        .iter()
        .filter(|judge| wanted.is_empty() || wanted.iter().any(|name| name == judge.name))
        .collect();
    let Some(lab) = steps.run("folder for the judges' logs", Lab::open) else {
        return;
    };
    let programs = Program::ALL
        .into_iter()
        .filter(|program| judges.iter().any(|judge| judge.program == *program));
    let installed: Vec<Program> = programs
        .filter(|program| {
            let name = format!("install {}", program.title());
            steps.run(name, || install::ensure(*program)).is_some()
        })
        .collect();
    let ours = Ours::ALL
        .into_iter()
        .filter(|ours| judges.iter().any(|judge| judge.ours == *ours));
    let built: Vec<Ours> = ours
        .filter(|ours| {
            let name = format!("build {}", ours.package());
            steps.run(name, || build(*ours)).is_some()
        })
        .collect();
    for judge in judges {
        let ready = installed.contains(&judge.program) && built.contains(&judge.ours);
        hear(steps, judge, &lab, ready);
    }
}

/// Runs one judge and notes its verdict.
fn hear(steps: &mut Steps, judge: &Judge, lab: &Lab, ready: bool) {
    let log = lab.log(judge.name);
    let again = format!("cargo xtask test --peers --judge {}", judge.name);
    let verdict = steps.run(judge.name, || {
        if !ready {
            return Err("not run: a program it needs could not be made, see above".into());
        }
        let shown = log.display();
        let verdict = (judge.run)(lab)
            .map_err(|error| format!("{error}\n    log: {shown}\n    again: {again}"))?;
        println!("    {verdict}\n    log: {shown}\n    again: {again}");
        Ok(verdict)
    });
    let verdict = verdict.unwrap_or_else(|| format!("FAILED, see above or {}", log.display()));
    steps.note(format!("{:20} {verdict}", judge.name));
}

/// Builds our programs, as they are tested: without optimisation.
fn build(ours: Ours) -> Result<()> {
    let package = ours.package();
    if !packages()?.iter().any(|known| known.name == package) {
        return Err(format!("this workspace has no package `{package}` yet").into());
    }
    let mut build = cargo(["build", "--bins", "--package", package]);
    match ours {
        Ours::Echo => check(build.args(["--features", "etcd"])),
        Ours::Conformance => check(&mut build),
        Ours::Interop => {
            check(&mut build)?;
            let folder = tls_folder();
            let mut certificates = lab::ours("interop-server");
            check(
                certificates
                    .arg("--certificates")
                    .arg("--tls-dir")
                    .arg(folder),
            )
        }
    }
}

/// Removes the log of an earlier run.
fn forget(log: &Path) -> Result<()> {
    match fs::remove_file(log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", log.display()).into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::names;

    #[test]
    fn judges_have_different_names() {
        assert_eq!(BTreeSet::from(names()).len(), names().len());
    }
}
