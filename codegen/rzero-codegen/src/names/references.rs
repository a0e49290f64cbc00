//! Leads every reference to its renamed target.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::types::Renames;
use super::{PackageNames, is_well_known};

/// Puts the new package names into files and full names, then rewrites all references.
pub(crate) fn rewrite(
    files: &mut [FileDescriptorProto],
    packages: &BTreeMap<String, PackageNames>,
    renames: &mut Renames,
) {
    for (old, new) in &mut renames.types {
        let Some(package) = renames.packages.get(old) else {
            continue;
        };
        let Some(names) = packages.get(package) else {
            continue;
        };
        let prefix = if package.is_empty() {
            String::new()
        } else {
            format!(".{package}")
        };
        if let Some(rest) = new.strip_prefix(prefix.as_str()) {
            *new = format!(".{}{rest}", names.renamed);
        }
    }
    for file in files
        .iter_mut()
        .filter(|file| !is_well_known(file.package()))
    {
        for message in &mut file.message_type {
            rewrite_message(message, renames);
        }
        // Extensions and services are not part of what the message generator writes.
        file.extension.clear();
        file.service.clear();
        if let Some(names) = packages.get(file.package()) {
            file.package = Some(names.renamed.clone());
        }
    }
}

fn rewrite_message(message: &mut DescriptorProto, renames: &Renames) {
    for field in &mut message.field {
        rewrite_field(field, renames);
    }
    for nested in &mut message.nested_type {
        rewrite_message(nested, renames);
    }
    message.extension.clear();
}

fn rewrite_field(field: &mut FieldDescriptorProto, renames: &Renames) {
    let Some(target) = field.type_name.clone() else {
        return;
    };
    if field.r#type() == Type::Enum
        && let Some(default) = &field.default_value
        && let Some(value) = renames.defaults.get(&(target.clone(), default.clone()))
    {
        field.default_value = Some(value.clone());
    }
    if let Some(new) = renames.types.get(&target) {
        field.type_name = Some(new.clone());
    }
}
