//! Writes the code of contracts into a folder, as `rzctl gen` does:
//! `cargo run -p rzero-codegen --example generate -- OUT INCLUDE FILE...`

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use rzero_codegen::generate;
use rzero_idl::{ProtoInput, load_protos};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let usage = "name an output folder, an include folder and the contracts";
    let out = arguments.next().ok_or(usage)?;
    let includes = vec![arguments.next().ok_or(usage)?];
    let model = load_protos(&ProtoInput {
        files: arguments.collect(),
        includes,
    })?;
    for file in generate(&model)? {
        let path = out.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(&out))?;
        fs::write(path, file.contents)?;
    }
    Ok(())
}
