//! Names of fields, oneofs and enum values.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

use super::case;
use super::types::{Renames, is_map_entry};

/// Names the values of an enum. Aliases (a number met before) have no variant of their own; a
/// field's default that names one is led to the first value of the number.
pub(crate) fn name_values(
    renames: &mut Renames,
    enum_name: &str,
    enum_type: &str,
    item: &mut EnumDescriptorProto,
) {
    let mut taken = BTreeSet::new();
    let mut first: BTreeMap<i32, String> = BTreeMap::new();
    for value in &mut item.value {
        let old = value.name().to_owned();
        let key = (enum_name.to_owned(), old.clone());
        if let Some(name) = first.get(&value.number()) {
            renames.defaults.insert(key, name.clone());
            continue;
        }
        let new = case::choose(&old, "value", |name| {
            let variant = case::variant(enum_type, name);
            let unmistakable = name == old || !renames.known_values.contains(name);
            !variant.is_empty() && !taken.contains(&variant) && unmistakable
        });
        taken.insert(case::variant(enum_type, &new));
        first.insert(value.number(), new.clone());
        if new != old {
            renames.known_values.insert(new.clone());
            renames.values.push((new.clone(), old));
        }
        renames.defaults.insert(key, new.clone());
        value.name = Some(new);
    }
}

/// Names the fields and oneofs of a message; `types` holds what its module defines.
pub(crate) fn name_fields(message: &mut DescriptorProto, types: &mut BTreeSet<String>) {
    let maps: BTreeMap<String, bool> = message
        .nested_type
        .iter()
        .filter(|nested| is_map_entry(nested))
        .map(|nested| {
            let holds_enum = nested
                .field
                .iter()
                .any(|field| field.number() == 2 && field.r#type() == Type::Enum);
            (nested.name().to_owned(), holds_enum)
        })
        .collect();
    let nested: BTreeSet<String> = message
        .nested_type
        .iter()
        .map(|nested| case::camel(nested.name()))
        .chain(
            message
                .enum_type
                .iter()
                .map(|item| case::camel(item.name())),
        )
        .collect();

    let mut fields = BTreeSet::new();
    let mut methods = BTreeSet::new();
    for field in message.field.iter_mut().filter(|field| !in_oneof(field)) {
        let old = field.name().to_owned();
        let entry = field
            .type_name()
            .rsplit('.')
            .next()
            .and_then(|name| maps.get(name));
        let new = case::choose(&old, "field", |name| {
            let identifier = case::snake(name);
            // The accessors of a map of enums are named `get_…` without regard to raw names.
            let raw_map = entry == Some(&true) && identifier.starts_with("r#");
            !identifier.is_empty()
                && !raw_map
                && !fields.contains(&identifier)
                && accessors(field, &identifier, entry.copied()).is_disjoint(&methods)
        });
        let identifier = case::snake(&new);
        methods.extend(accessors(field, &identifier, entry.copied()));
        fields.insert(identifier);
        field.name = Some(new);
    }
    name_oneofs(message, &mut fields, types, &nested);
}

fn name_oneofs(
    message: &mut DescriptorProto,
    fields: &mut BTreeSet<String>,
    types: &mut BTreeSet<String>,
    nested: &BTreeSet<String>,
) {
    for (at, oneof) in message.oneof_decl.iter_mut().enumerate() {
        let member = |field: &FieldDescriptorProto| {
            in_oneof(field) && usize::try_from(field.oneof_index()).is_ok_and(|index| index == at)
        };
        if !message.field.iter().any(member) {
            continue;
        }
        let type_of = |name: &str| {
            let ty = case::camel(name);
            // The message generator's own way out of this clash.
            if nested.contains(&ty) {
                format!("{ty}OneOf")
            } else {
                ty
            }
        };
        let new = case::choose(oneof.name(), "choice", |name| {
            let (identifier, ty) = (case::snake(name), type_of(name));
            !identifier.is_empty()
                && !ty.is_empty()
                && !fields.contains(&identifier)
                && !types.contains(&ty)
        });
        fields.insert(case::snake(&new));
        types.insert(type_of(&new));
        oneof.name = Some(new);

        let mut variants = BTreeSet::new();
        for field in message.field.iter_mut().filter(|field| member(field)) {
            let new = case::choose(field.name(), "field", |name| {
                let variant = case::camel(name);
                !variant.is_empty() && !variants.contains(&variant)
            });
            variants.insert(case::camel(&new));
            field.name = Some(new);
        }
    }
}

fn in_oneof(field: &FieldDescriptorProto) -> bool {
    field.oneof_index.is_some() && !field.proto3_optional()
}

/// Methods the derive adds to a message for this field. `map_of_enums` is `None` for a field that
/// is no map.
fn accessors(
    field: &FieldDescriptorProto,
    identifier: &str,
    map_of_enums: Option<bool>,
) -> BTreeSet<String> {
    let plain = case::plain(identifier);
    let names: Vec<String> = match (map_of_enums, field.r#type(), field.label()) {
        (Some(true), ..) => vec![format!("get_{plain}"), format!("insert_{plain}")],
        (Some(false), ..) | (None, Type::Message | Type::Group, _) => vec![],
        (None, Type::Enum, Label::Repeated) => vec![plain.to_owned(), format!("push_{plain}")],
        (None, Type::Enum, _) => vec![plain.to_owned(), format!("set_{plain}")],
        (None, _, Label::Optional) => vec![plain.to_owned()],
        (None, ..) => vec![],
    };
    names.into_iter().collect()
}
