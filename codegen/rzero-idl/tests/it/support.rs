//! Contracts in a temporary folder.

use std::fs;
use std::path::PathBuf;

use rzero_idl::{Diagnostics, Model, ProtoInput, load_protos};
use tempfile::TempDir;

/// A folder of contracts.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Loads `files` with the folders as includes.
    pub(crate) fn load(&self, files: &[&str], includes: &[&str]) -> Result<Model, Diagnostics> {
        load_protos(&ProtoInput {
            files: files.iter().map(|file| self.path(file)).collect(),
            includes: includes.iter().map(|folder| self.path(folder)).collect(),
        })
    }

    /// The rendered problems of a load that must fail, with this machine's paths cut out.
    pub(crate) fn problems(&self, files: &[&str], includes: &[&str]) -> String {
        let problems = self.load(files, includes).unwrap_err().to_string();
        problems
            .replace(&format!("{}/", self.0.path().display()), "")
            .replace(&self.0.path().display().to_string(), ".")
    }
}

/// The problems of one contract.
pub(crate) fn problems_of(text: &str) -> String {
    Folder::new(&[("shop.proto", text)]).problems(&["shop.proto"], &[])
}
