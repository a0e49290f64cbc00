//! A service on disk: where its contracts and its generated code are.

pub(crate) mod changes;
pub(crate) mod files;
pub(crate) mod paths;
pub(crate) mod source;
pub(crate) mod workspace;

use std::path::{Path, PathBuf};

use rzero_codegen::{GEN_DIR, IMPORT_DIR, PROTO_DIR};
use rzero_idl::{Model, ProtoInput, load_protos};

use crate::failure::{Failure, Result};

/// Most contracts of a service that are read.
const CONTRACTS_MAX: usize = 10_000;

/// The folder of a service.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// The service in `dir`; without one, that around the folder the program runs in.
    pub(crate) fn find(dir: Option<&Path>) -> Result<Self> {
        if let Some(dir) = dir {
            let root = dir.to_path_buf();
            if root.join(PROTO_DIR).is_dir() {
                return Ok(Self { root });
            }
            return Err(Failure::input(format!(
                "`{}` has no folder `{PROTO_DIR}`",
                root.display()
            ))
            .help("`--dir` names the root of a service; its contracts lie in `proto/`"));
        }
        let here = paths::current_dir()?;
        for folder in here.ancestors() {
            if folder.join(PROTO_DIR).is_dir() && folder.join("Cargo.toml").is_file() {
                // Paths are shown, so they are kept as short as they can be.
                let root = match folder == here {
                    true => PathBuf::new(),
                    false => folder.to_path_buf(),
                };
                return Ok(Self { root });
            }
        }
        Err(
            Failure::input("this is not a service: there is no `Cargo.toml` beside a folder `proto`")
                .help("run it inside a service, name one with `--dir`, or write one with `rzctl new service NAME`"),
        )
    }

    /// Where the generated code goes.
    pub(crate) fn gen_dir(&self) -> PathBuf {
        self.root.join(GEN_DIR)
    }

    /// Where the configuration lies.
    pub(crate) fn config_dir(&self) -> PathBuf {
        self.root.join("etc")
    }

    /// The logic, which the hints are about.
    pub(crate) fn logic_file(&self) -> PathBuf {
        self.root.join("src/logic.rs")
    }

    /// Reads and checks the contracts.
    pub(crate) fn contracts(&self) -> Result<Model> {
        let folder = self.root.join(PROTO_DIR);
        let is_contract = |path: &Path| path.extension().is_some_and(|name| name == "proto");
        let names = files::list(&folder, CONTRACTS_MAX, is_contract)?;
        if names.is_empty() {
            return Err(
                Failure::input(format!("there is no contract in `{}`", folder.display()))
                    .help("put a `.proto` file there"),
            );
        }
        let files = names.iter().map(|name| folder.join(name)).collect();
        let imports = self.root.join(IMPORT_DIR);
        let mut includes = vec![folder];
        if imports.is_dir() {
            includes.push(imports);
        }
        Ok(load_protos(&ProtoInput { files, includes })?)
    }
}
