//! A file to be written.

use std::path::PathBuf;

/// One file of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where it goes, relative to the output folder, with parts from the contracts only.
    pub path: PathBuf,
    /// What is in it.
    pub contents: Vec<u8>,
}

impl GeneratedFile {
    pub(crate) fn text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            contents: text.into().into_bytes(),
        }
    }
}
