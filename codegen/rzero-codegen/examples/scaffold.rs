//! Writes a new service into a folder, as `rzctl new service` does:
//! `cargo run -p rzero-codegen --example scaffold -- OUT NAME RZERO_ROOT [INCLUDE FILE...]`

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rzero_codegen::{
    Dependency, GEN_DIR, Scaffold, ServiceName, default_contract, generate, scaffold,
};
use rzero_idl::{ProtoInput, load_protos, load_texts};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "name an output folder, a service and the root of a checkout";
    let out = PathBuf::from(arguments.next().ok_or(usage)?);
    let name = ServiceName::new(&arguments.next().ok_or(usage)?)?;
    let dependency = Dependency::Path(arguments.next().ok_or(usage)?);
    let include = arguments.next().map(PathBuf::from);
    let built_in = include.is_none();
    let model = match include {
        Some(include) => {
            let files = arguments.map(PathBuf::from).collect();
            load_protos(&ProtoInput {
                files,
                includes: vec![include],
            })?
        }
        None => load_texts(BTreeMap::from([default_contract(&name)?]))?,
    };
    let owned = scaffold(&Scaffold {
        name: &name,
        model: &model,
        built_in,
        dependency: &dependency,
        features: &[],
        own_workspace: true,
        templates: &BTreeMap::new(),
    })?;
    let generated = generate(&model)?;
    let generated = generated
        .iter()
        .map(|f| (Path::new(GEN_DIR).join(&f.path), &f.contents));
    for (path, contents) in owned
        .iter()
        .map(|f| (f.path.clone(), &f.contents))
        .chain(generated)
    {
        let path = out.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&out))?;
        fs::write(path, contents)?;
    }
    Ok(())
}
