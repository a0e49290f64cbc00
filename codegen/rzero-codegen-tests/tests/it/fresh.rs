//! The checked-in code is what the generator writes today.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rzero_codegen::{
    Dependency, GEN_DIR, GeneratedFile, Scaffold, ServiceName, generate, plan, scaffold,
};
use rzero_idl::{Model, ProtoInput, load_protos};

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found
}

fn model() -> Model {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contracts = root.join("../rzero-codegen/tests/fixtures/torture");
    let files = files_below(&contracts);
    load_protos(&ProtoInput {
        files,
        includes: vec![contracts],
    })
    .unwrap()
}

/// Writes the files when asked to, instead of only comparing them.
fn renew(folder: &Path, files: &[GeneratedFile]) {
    if std::env::var_os("RZERO_UPDATE").is_none() {
        return;
    }
    for file in files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.contents).unwrap();
    }
}

#[test]
fn checked_in_code_is_fresh() {
    let generated = generate(&model()).unwrap();
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join(GEN_DIR);
    renew(&out, &generated);
    let existing: BTreeMap<PathBuf, Vec<u8>> = files_below(&out)
        .into_iter()
        .map(|path| {
            (
                path.strip_prefix(&out).unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    let plan = plan(generated, &existing);
    assert!(
        plan.is_clean(),
        "src/gen is stale: run this test with RZERO_UPDATE=1, remove orphans\n{}",
        plan.diff()
    );
}

#[test]
fn checked_in_logic_is_fresh() {
    let files = scaffold(&Scaffold {
        name: &ServiceName::new("torture").unwrap(),
        model: &model(),
        built_in: false,
        dependency: &Dependency::Workspace,
        features: &[],
        own_workspace: false,
        templates: &BTreeMap::new(),
    })
    .unwrap();
    let kept = ["src/logic.rs", "src/config.rs"].map(Path::new);
    let files: Vec<GeneratedFile> = files
        .into_iter()
        .filter(|file| kept.contains(&file.path.as_path()))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    renew(root, &files);
    for file in files {
        let now = fs::read(root.join(&file.path)).unwrap();
        assert!(
            now == file.contents,
            "{} is stale: run with RZERO_UPDATE=1",
            file.path.display()
        );
    }
}
