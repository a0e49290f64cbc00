//! The checked-in generated code is what the generator gives.

use std::path::PathBuf;

use rzero_idl::ProtoInput;

#[test]
fn generated_code_is_fresh() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let protos = folder.join("proto");
    let input = ProtoInput {
        files: vec![protos.join("grpc/testing/test.proto")],
        includes: vec![protos],
    };
    let model = rzero_idl::load_protos(&input).unwrap();
    for file in rzero_codegen::generate(&model).unwrap() {
        let path = folder.join("src/gen").join(&file.path);
        if std::env::var_os("RZERO_UPDATE").is_some() {
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
