//! Fixtures as models.

use std::path::{Path, PathBuf};

use rzero_idl::{Model, ProtoInput, load_protos};

/// The folder of a fixture.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// All contracts below a folder, sorted.
pub(crate) fn contracts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The model of all contracts of a fixture.
pub(crate) fn model(name: &str) -> Model {
    let folder = fixture(name);
    let files = contracts(&folder);
    load_protos(&ProtoInput {
        files,
        includes: vec![folder],
    })
    .unwrap()
}

/// The text files of an output as one text.
pub(crate) fn as_text(files: &[rzero_codegen::GeneratedFile]) -> String {
    files
        .iter()
        .filter(|file| {
            file.path
                .extension()
                .is_none_or(|extension| extension != "bin")
        })
        .map(|file| {
            let text = String::from_utf8_lossy(&file.contents);
            format!("==> {} <==\n{text}\n", file.path.display())
        })
        .collect()
}
