//! The checked-in generated code is what the generator gives.

use std::path::{Path, PathBuf};

use rzero_idl::ProtoInput;

/// Compares `folder/src/gen` with what `folder/proto/contract` gives, or writes it.
fn check(folder: &Path, contract: &str) {
    let protos = folder.join("proto");
    let input = ProtoInput {
        files: vec![protos.join(contract)],
        includes: vec![protos],
    };
    let model = rzero_idl::load_protos(&input).unwrap();
    for file in rzero_codegen::generate(&model).unwrap() {
        let path = folder.join("src/gen").join(&file.path);
        if std::env::var_os("RZERO_UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &file.contents).unwrap();
        }
        let found = std::fs::read(&path).unwrap_or_default();
        let hint = "run with RZERO_UPDATE=1 to write it anew";
        assert!(
            found == file.contents,
            "{} is stale: {hint}",
            path.display()
        );
    }
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn generated_echo_is_fresh() {
    check(&here(), "peers.proto");
}

#[test]
fn generated_example_is_fresh() {
    check(&here().join("../../examples/greeter"), "greeter.proto");
}
