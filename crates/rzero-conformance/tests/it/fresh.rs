//! The checked-in generated code is what the generator gives.

use std::path::Path;

use rzero_idl::ProtoInput;

#[test]
fn generated_contract_is_fresh() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let protos = here.join("proto");
    let folder = protos.join("connectrpc/conformance/v1");
    let names = ["client_compat", "config", "server_compat", "service"];
    let input = ProtoInput {
        files: names
            .iter()
            .map(|name| folder.join(format!("{name}.proto")))
            .collect(),
        includes: vec![protos],
    };
    let model = rzero_idl::load_protos(&input).unwrap();
    for file in rzero_codegen::generate(&model).unwrap() {
        let path = here.join("src/gen").join(&file.path);
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
