//! YAML, by `serde-saphyr`, whose `Spanned` keeps the position of every key and value.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::error::Problem;
use crate::node::{DEPTH_MAX, Entry, Node, Value};
use crate::origin::{Origin, SourceName};

pub(super) fn parse(text: &str, source: &SourceName) -> Result<Node, Problem> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX, },
        // Only `true` and `false`: a country code `no` is text.
        strict_booleans: true,
        // The snippet would print the line, which may hold a secret.
        with_snippet: false,
    };
    if text
        .lines()
        .all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Node::table(source.at(1, 1)));
    }
    match serde_saphyr::from_str_with_options::<Spanned<Yaml>>(text, options) {
        Ok(root) => Ok(convert(root, source)),
        Err(error) => {
            let error = error.without_snippet();
            let origin = error
                .location()
                .map_or_else(|| source.at(1, 1), |at| place(at, source));
            Err(Problem::new("", message_of(&error.to_string())).with_origin(origin))
        }
    }
}

/// The place is printed once, in our form, so the parser's own ` at line 1, column 2` goes.
fn message_of(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let end = first.rfind(" at line ").unwrap_or(first.len());
    first[..end].to_owned()
}

enum Yaml {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Yaml>>),
    Table(BTreeMap<String, (Location, Spanned<Yaml>)>),
}

fn place(location: Location, source: &SourceName) -> Origin {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    source.at(number(location.line()), number(location.column()))
}

fn convert(node: Spanned<Yaml>, source: &SourceName) -> Node {
    let origin = place(node.referenced, source);
    let value = match node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => Value::Bool(bool),
        Yaml::Int(int) => Value::Int(int),
        Yaml::Float(float) => Value::Float(float),
        Yaml::Text(text) => Value::Text(text),
        Yaml::List(items) => Value::List(items.into_iter().map(|i| convert(i, source)).collect()),
        Yaml::Table(entries) => {
            let entries = entries.into_iter().map(|(key, (at, node))| {
                (
                    key,
                    Entry {
                        key_origin: place(at, source),
                        node: convert(node, source),
                    },
                )
            });
            Value::Table(entries.collect())
        }
    };
    Node { value, origin }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Yaml, E> {
        Ok(Yaml::Int(int.into()))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Yaml, E> {
        Ok(Yaml::Int(int.into()))
    }

    fn visit_i128<E>(self, int: i128) -> Result<Yaml, E> {
        Ok(Yaml::Int(int))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Yaml, E> {
        Ok(Yaml::Float(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.insert(key.value, (key.referenced, map.next_value()?));
        }
        Ok(Yaml::Table(entries))
    }
}
