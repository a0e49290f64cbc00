//! Writes the generated code of the other frameworks again: `cargo run -p bench-gen` in
//! `benches/peers`, after a change of a contract. No protoc and no thrift compiler is needed.
//! rzero's own code comes from `rzctl gen --dir ours`.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let proto = root.join("ours/proto");
    let out = root.join("theirs/src/gen");
    std::fs::create_dir_all(&out)?;
    tonic(&proto, &out)?;
    volo_build::Builder::protobuf()
        .add_service(proto.join("bench.proto"))
        .include_dirs(vec![proto.clone()])
        .out_dir(&out)
        .filename(PathBuf::from("volo_grpc.rs"))
        .write()?;
    volo_build::Builder::thrift()
        .add_service(proto.join("bench.thrift"))
        .include_dirs(vec![proto])
        .out_dir(&out)
        .filename(PathBuf::from("volo_thrift.rs"))
        .write()?;
    Ok(())
}

/// Service code alone: the messages are those of `bench-load`.
fn tonic(proto: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let files = protox::compile(["bench.proto"], [proto])?;
    tonic_prost_build::configure()
        .extern_path(".bench.v1", "::bench_load::messages")
        .out_dir(out)
        .compile_fds(files)?;
    std::fs::rename(out.join("bench.v1.rs"), out.join("tonic.rs"))?;
    Ok(())
}
