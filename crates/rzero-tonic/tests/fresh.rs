//! The checked-in code is what tonic's generator gives.

use std::path::Path;

use protox::prost::Message;

#[test]
fn generated_code_is_fresh() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let set = protox::compile(["probe.proto"], [tests.join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("probe.binpb"), set.encode_to_vec()).unwrap();
    tonic_prost_build::configure()
        .out_dir(out.path())
        .compile_fds(set)
        .unwrap();
    for file in ["probe.v1.rs", "probe.binpb"] {
        let fresh = std::fs::read(out.path().join(file)).unwrap();
        let kept = tests.join("it/gen").join(file);
        if std::env::var_os("RZERO_UPDATE").is_some() {
            std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
            std::fs::write(&kept, &fresh).unwrap();
        }
        assert!(
            std::fs::read(&kept).unwrap_or_default() == fresh,
            "{file} is stale: run once with RZERO_UPDATE=1 set"
        );
    }
}
