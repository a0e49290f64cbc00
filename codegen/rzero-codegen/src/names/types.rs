//! Names of messages, enums and oneofs.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use super::case;
use super::members;

/// What was renamed so far.
#[derive(Debug, Default)]
pub(crate) struct Renames {
    /// Full names of the contract (leading dot) to full names with renamed types; the package
    /// part is still the contract's.
    pub(crate) types: BTreeMap<String, String>,
    /// The package of each of them.
    pub(crate) packages: BTreeMap<String, String>,
    /// New and old names of renamed enum values.
    pub(crate) values: Vec<(String, String)>,
    /// By enum (contract name) and value: the name of the variant's value.
    pub(crate) defaults: BTreeMap<(String, String), String>,
    /// Every enum value's name anywhere, so that a new name is unmistakable.
    pub(crate) known_values: BTreeSet<String>,
}

/// Where in the contract we are, under both names.
#[derive(Clone)]
struct Place {
    package: String,
    old: String,
    new: String,
}

impl Place {
    fn package(name: &str) -> Self {
        let full = if name.is_empty() {
            String::new()
        } else {
            format!(".{name}")
        };
        Self {
            package: name.to_owned(),
            old: full.clone(),
            new: full,
        }
    }

    fn child(&self, old: &str, new: &str) -> Self {
        Self {
            package: self.package.clone(),
            old: format!("{}.{old}", self.old),
            new: format!("{}.{new}", self.new),
        }
    }
}

impl Renames {
    pub(crate) fn new(files: &[FileDescriptorProto]) -> Self {
        let mut renames = Self::default();
        for file in files {
            renames.know(&file.message_type, &file.enum_type);
        }
        renames
    }

    fn know(&mut self, messages: &[DescriptorProto], enums: &[EnumDescriptorProto]) {
        let values = enums.iter().flat_map(|item| &item.value);
        self.known_values
            .extend(values.map(|value| value.name().to_owned()));
        for message in messages {
            self.know(&message.nested_type, &message.enum_type);
        }
    }

    /// Names the types of a file; `taken` is shared by all files of its package.
    pub(crate) fn file(&mut self, file: &mut FileDescriptorProto, taken: &mut BTreeSet<String>) {
        let place = Place::package(file.package());
        self.scope(&place, &mut file.message_type, &mut file.enum_type, taken);
    }

    fn know_type(&mut self, here: &Place) {
        self.types.insert(here.old.clone(), here.new.clone());
        self.packages.insert(here.old.clone(), here.package.clone());
    }

    fn scope(
        &mut self,
        place: &Place,
        messages: &mut [DescriptorProto],
        enums: &mut [EnumDescriptorProto],
        taken: &mut BTreeSet<String>,
    ) {
        for message in messages {
            let old = message.name().to_owned();
            if is_map_entry(message) {
                let here = place.child(&old, &old);
                self.know_type(&here);
                continue;
            }
            let module = has_module(message);
            let new = case::choose(&old, "message", |name| {
                let (ty, inner) = (case::camel(name), case::snake(name));
                let module_fits =
                    !case::is_primitive(&inner) && !taken.contains(&inner) && inner != ty;
                !ty.is_empty() && !taken.contains(&ty) && (!module || module_fits)
            });
            taken.insert(case::camel(&new));
            if module {
                taken.insert(case::snake(&new));
            }
            let here = place.child(&old, &new);
            self.know_type(&here);
            self.message(&here, message);
            message.name = Some(new);
        }
        for item in enums {
            let old = item.name().to_owned();
            let new = case::choose(&old, "enum", |name| {
                let ty = case::camel(name);
                !ty.is_empty() && !taken.contains(&ty)
            });
            taken.insert(case::camel(&new));
            let here = place.child(&old, &new);
            members::name_values(self, &here.old, &case::camel(&new), item);
            self.know_type(&here);
            item.name = Some(new);
        }
    }

    fn message(&mut self, place: &Place, message: &mut DescriptorProto) {
        let mut taken = BTreeSet::new();
        self.scope(
            place,
            &mut message.nested_type,
            &mut message.enum_type,
            &mut taken,
        );
        members::name_fields(message, &mut taken);
    }
}

/// The helper message of a map field; it has no Rust type.
pub(crate) fn is_map_entry(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

/// Whether the message has a module for the types inside it.
pub(crate) fn has_module(message: &DescriptorProto) -> bool {
    let real_oneof = message
        .field
        .iter()
        .any(|field| field.oneof_index.is_some() && !field.proto3_optional());
    real_oneof
        || !message.enum_type.is_empty()
        || message
            .nested_type
            .iter()
            .any(|nested| !is_map_entry(nested))
}
