//! Rust names for everything in a contract, without a collision.
//!
//! Contract names that differ (`fooBar`, `foo_bar`) may be one name in Rust. The message
//! generator derives its names from the descriptors alone, so the fallback is applied there: this
//! module makes a copy of the descriptors in which each clashing name got a suffix. What comes
//! first in the contract keeps its name; the next ones become `…_message`, `…_enum`, `…_field`,
//! `…_choice` (oneof), `…_value` or `…_package` in the case style of their kind, with a number
//! behind it if that is taken too. Wire format, JSON names and the embedded descriptors keep the
//! names of the contract.
//!
//! A package whose module would have the name of a message's module (package `a.b` beside message
//! `B` with nested types in package `a`) or of a primitive type gives way to it.

pub(crate) mod case;
mod members;
mod references;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use prost_types::FileDescriptorProto;
use rzero_idl::Model;

/// Files of this package are not generated: their types come with the runtime.
const WELL_KNOWN: &str = "google.protobuf";

/// Where files without a package go.
const ROOT_PACKAGE: &str = "root";

/// The renamed descriptors and what was decided.
#[derive(Debug)]
pub(crate) struct Names {
    /// All files, well-known ones too, with the new names.
    pub(crate) files: Vec<FileDescriptorProto>,
    /// By package name of the contract; packages that only other packages lie in are not here.
    pub(crate) packages: BTreeMap<String, PackageNames>,
    /// Full names (with a leading dot) of the contract's types and what they became.
    pub(crate) types: BTreeMap<String, String>,
    /// Enum values that were renamed: new name and the contract's.
    pub(crate) values: Vec<(String, String)>,
}

/// One package's module.
#[derive(Debug, Default)]
pub(crate) struct PackageNames {
    /// The renamed package, such as `greeter.v1`.
    pub(crate) renamed: String,
    /// Rust identifiers of the modules that lead to it, raw marks included.
    pub(crate) module: Vec<String>,
    /// Identifiers taken in the module: types, modules of nested types, child packages.
    pub(crate) taken: BTreeSet<String>,
}

/// Whether the types of this package are those of the runtime.
pub(crate) fn is_well_known(package: &str) -> bool {
    package == WELL_KNOWN
        || package
            .strip_prefix(WELL_KNOWN)
            .is_some_and(|p| p.starts_with('.'))
}

impl Names {
    pub(crate) fn new(model: &Model) -> Self {
        let mut files = model.descriptor_set.file.clone();
        let mut renames = types::Renames::new(&files);
        let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in by_name(&mut files) {
            let scope = taken.entry(file.package().to_owned()).or_default();
            renames.file(file, scope);
        }
        let packages = packages(taken);
        references::rewrite(&mut files, &packages, &mut renames);
        Self {
            files,
            packages,
            types: renames.types,
            values: renames.values,
        }
    }
}

/// The files to name, in an order that does not depend on how they were found.
fn by_name(files: &mut [FileDescriptorProto]) -> Vec<&mut FileDescriptorProto> {
    let mut files: Vec<_> = files
        .iter_mut()
        .filter(|file| !is_well_known(file.package()))
        .collect();
    files.sort_by(|a, b| a.name().cmp(b.name()));
    files
}

/// Chooses a module for each package, given what the types of each package take.
fn packages(mut taken: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, PackageNames> {
    let real: BTreeSet<String> = taken.keys().cloned().collect();
    let mut prefixes: BTreeSet<String> = BTreeSet::new();
    for package in real.iter().filter(|package| !package.is_empty()) {
        let ends = package
            .match_indices('.')
            .map(|(at, _)| at)
            .chain([package.len()]);
        prefixes.extend(ends.map(|end| package[..end].to_owned()));
    }
    // What the nameless package holds lies in a module of its own, so the top is free of it.
    let rootless = taken.remove("");
    let mut renamed: BTreeMap<String, String> = BTreeMap::from([(String::new(), String::new())]);
    for prefix in &prefixes {
        let (parent, segment) = prefix.rsplit_once('.').unwrap_or(("", prefix));
        let parent_renamed = renamed.get(parent).cloned().unwrap_or_default();
        let segment = choose_module(segment, taken.entry(parent.to_owned()).or_default());
        let name = if parent_renamed.is_empty() {
            segment
        } else {
            format!("{parent_renamed}.{segment}")
        };
        renamed.insert(prefix.clone(), name);
    }
    if let Some(scope) = rootless {
        let segment = choose_module(ROOT_PACKAGE, taken.entry(String::new()).or_default());
        renamed.insert(String::new(), segment);
        taken.insert(String::new(), scope);
    }
    real.into_iter()
        .map(|package| {
            let name = renamed.get(&package).cloned().unwrap_or_default();
            let names = PackageNames {
                module: name.split('.').map(case::snake).collect(),
                taken: taken.remove(&package).unwrap_or_default(),
                renamed: name,
            };
            (package, names)
        })
        .collect()
}

fn choose_module(segment: &str, scope: &mut BTreeSet<String>) -> String {
    let chosen = case::choose(segment, "package", |name| {
        let module = case::snake(name);
        !module.is_empty() && !case::is_primitive(&module) && !scope.contains(&module)
    });
    scope.insert(case::snake(&chosen));
    chosen
}
