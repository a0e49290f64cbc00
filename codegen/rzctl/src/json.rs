//! Messages as canonical JSON, with errors that point at the field.

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use rzero_idl::Problem;
use serde_path_to_error::{Path, Segment, Track};

use crate::failure::{Failure, Result};

/// Reads the JSON form of a message and encodes it.
pub(crate) fn encode(kind: &MessageDescriptor, text: &str) -> Result<Bytes> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let message = DynamicMessage::deserialize(kind.clone(), tracked)
        .map_err(|error| wrong(kind, &track.path(), &error, text))?;
    Ok(message.encode_to_vec().into())
}

/// Reads an encoded message and writes its JSON form.
pub(crate) fn decode(
    kind: &MessageDescriptor,
    bytes: Bytes,
    defaults: bool,
    pretty: bool,
) -> Result<String> {
    let unreadable = |error: &(dyn std::error::Error + 'static)| {
        Failure::call(format!("the reply is not a `{}`", kind.full_name())).because(error)
    };
    let message =
        DynamicMessage::decode(kind.clone(), bytes).map_err(|error| unreadable(&error))?;
    let options = SerializeOptions::new().skip_default_fields(!defaults);
    let mut out = Vec::new();
    let written = match pretty {
        true => {
            let mut json = serde_json::Serializer::pretty(&mut out);
            message
                .serialize_with_options(&mut json, &options)
                .map(drop)
        }
        false => {
            let mut json = serde_json::Serializer::new(&mut out);
            message
                .serialize_with_options(&mut json, &options)
                .map(drop)
        }
    };
    written.map_err(|error| unreadable(&error))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn wrong(kind: &MessageDescriptor, path: &Path, error: &serde_json::Error, text: &str) -> Failure {
    let place = match path.to_string().as_str() {
        "." => String::new(),
        path => format!("{path}: "),
    };
    let holder = holder(kind, path);
    let fields: Vec<String> = holder.fields().map(|field| shown(&field)).collect();
    let help = match fields.is_empty() {
        true => format!("`{}` has no fields: write '{{}}'", holder.full_name()),
        false => format!(
            "the fields of `{}` are {}",
            holder.full_name(),
            fields.join(", ")
        ),
    };
    let message = format!(
        "the request is not a `{}`: {place}{}",
        kind.full_name(),
        reason(error)
    );
    point(&message, error, text, &help)
}

/// What is wrong with a JSON text, and where.
pub(crate) fn point(message: &str, error: &serde_json::Error, text: &str, help: &str) -> Failure {
    let line_start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    // The column is that of the last byte that was read, from 1; 0 at the start of a line.
    let end = (line_start + error.column()).min(text.len());
    let start = end.saturating_sub(1);
    let problem = Problem::new(message)
        .with_source("request", text)
        .with_mark(start..end, "here")
        .with_help(help);
    Failure::diagnosed(message, problem.into())
}

/// The error without its place, which is shown otherwise.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// The message in which a path ends: that of the last field, or the one that has it.
fn holder(kind: &MessageDescriptor, path: &Path) -> MessageDescriptor {
    let mut holder = kind.clone();
    for segment in path.iter() {
        let Segment::Map { key } = segment else {
            continue;
        };
        let by_name = holder.get_field_by_json_name(key);
        let field = by_name.or_else(|| holder.get_field_by_name(key));
        if let Some(Kind::Message(inner)) = field.map(|field| field.kind()) {
            // Well-known types have a JSON form of their own, their fields are not written.
            if inner.is_map_entry() || inner.package_name() == "google.protobuf" {
                break;
            }
            holder = inner;
        }
    }
    holder
}

/// A field and its type, as people write it.
pub(crate) fn shown(field: &FieldDescriptor) -> String {
    format!("{} ({})", field.json_name(), type_name(field))
}

/// The type of a field as a contract writes it.
pub(crate) fn type_name(field: &FieldDescriptor) -> String {
    let name = |kind: &Kind| match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => values.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let key = name(&entry.map_entry_key_field().kind());
        let value = name(&entry.map_entry_value_field().kind());
        return format!("map<{key}, {value}>");
    }
    match field.is_list() {
        true => format!("repeated {}", name(&field.kind())),
        false => name(&field.kind()),
    }
}
