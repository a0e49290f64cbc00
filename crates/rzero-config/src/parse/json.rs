//! JSON, by `serde_json`. It reports no positions of values, but a `RawValue` borrows from the
//! text, so its address inside the text is its position. Each level is parsed again for that,
//! which is cheap at the depth and size of a configuration.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::Lines;
use crate::error::Problem;
use crate::node::{DEPTH_MAX, Entry, Node, Value};
use crate::origin::SourceName;

pub(super) fn parse(text: &str, source: &SourceName) -> Result<Node, Problem> {
    let lines = Lines::new(text, source);
    let root: &RawValue = serde_json::from_str(text).map_err(|error| {
        Problem::new("", message_of(&error)).with_origin(source.at(error.line(), error.column()))
    })?;
    convert(root, text, &lines, 0)
}

/// serde_json's text without its own ` at line 1 column 2`.
fn message_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

fn offset_in(part: &str, whole: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

fn convert(raw: &RawValue, text: &str, lines: &Lines<'_>, depth: usize) -> Result<Node, Problem> {
    let json = raw.get();
    let origin = lines.at(offset_in(json, text));
    let problem = |message: String| Problem::new("", message).with_origin(origin.clone());
    if depth > DEPTH_MAX {
        return Err(problem(format!("nested deeper than {DEPTH_MAX} levels")));
    }
    let bad = |error: serde_json::Error| problem(message_of(&error));
    let value = match json.as_bytes().first() {
        Some(b'{') => {
            let Object(entries) = serde_json::from_str(json).map_err(bad)?;
            let mut table = BTreeMap::new();
            for (key, value) in entries {
                let key_origin = lines.at(offset_in(key.get(), text));
                let name: String = serde_json::from_str(key.get()).map_err(bad)?;
                let node = convert(value, text, lines, depth + 1)?;
                if table.contains_key(&name) {
                    return Err(Problem::new(name, "duplicate key").with_origin(key_origin));
                }
                table.insert(name, Entry { key_origin, node });
            }
            Value::Table(table)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(bad)?;
            let nodes = items
                .into_iter()
                .map(|item| convert(item, text, lines, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str(json).map_err(bad)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        _ => match json.parse::<i128>() {
            Ok(int) => Value::Int(int),
            Err(_) => Value::Float(serde_json::from_str(json).map_err(bad)?),
        },
    };
    Ok(Node { value, origin })
}

/// The members of an object in order, duplicates included.
struct Object<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Object)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
