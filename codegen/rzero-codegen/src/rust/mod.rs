//! The Rust back end: messages, traits, servers, clients.

mod layout;
mod messages;
mod paths;
mod service;
mod surface;

use std::collections::BTreeMap;

use rzero_idl::Model;

use crate::error::GenerateError;
use crate::file::GeneratedFile;
use crate::names::Names;

pub use layout::{DESCRIPTOR_FILE, MARKER};
pub use surface::{Surface, SurfaceMethod, SurfaceService};

/// Writes the contents of `src/gen/` for a model: `mod.rs`, one module per package, and
/// `descriptor.bin`. The files are sorted by path.
///
/// A pure function: no clock, no environment, no file is touched, and the same contracts give the
/// same bytes.
///
/// # Errors
///
/// None for a model that `rzero-idl` accepted; what is left are bugs, told as errors.
pub fn generate(model: &Model) -> Result<Vec<GeneratedFile>, GenerateError> {
    let names = Names::new(model);
    let surface = surface::surface(model, &names);
    let messages = messages::messages(model, &names)?;
    let mut bodies: BTreeMap<String, String> = BTreeMap::new();
    for package in names.packages.keys() {
        let services: Vec<&SurfaceService> = surface
            .services
            .iter()
            .filter(|service| service.package == *package)
            .collect();
        let text = messages.get(package).map_or("", String::as_str);
        let body = service::with_services(package, text, &services)?;
        if !body.trim().is_empty() {
            bodies.insert(package.clone(), body);
        }
    }
    Ok(layout::files(model, &names, &bodies))
}

/// What the generated code of a model offers, without writing it: names of traits, methods and
/// types, for programs that write code against it.
#[must_use]
pub fn surface(model: &Model) -> Surface {
    surface::surface(model, &Names::new(model))
}
