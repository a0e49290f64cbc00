//! serde's complaints as data, until the place they belong to is known.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::error::Problem;
use crate::node::{KeyPath, Node, Value};
use crate::origin::Origin;
use crate::redact::{MASK, is_secret_path, mask_url};
use crate::suggest;

/// Longer values are cut in messages.
const VALUE_SHOWN_MAX: usize = 60;

#[derive(Debug)]
pub(super) struct DeError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    place: Option<(KeyPath, Origin)>,
}

#[derive(Debug)]
enum Kind {
    Message(String),
    Expected {
        expected: String,
        found: String,
        value: Option<String>,
    },
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownVariant {
        variant: String,
        known: &'static [&'static str],
    },
    Missing(&'static str),
}

impl DeError {
    fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, place: None }))
    }

    /// Says where it happened, unless a deeper level already did.
    pub(super) fn or_at(mut self, path: impl FnOnce() -> KeyPath, node: &Node) -> Self {
        if self.0.place.is_some() {
            return self;
        }
        let mut path = path();
        let mut origin = &node.origin;
        self.mask(&path, node);
        match (&self.0.kind, &node.value) {
            (Kind::UnknownKey { key, .. }, Value::Table(table)) => {
                if let Some(entry) = table.get(key) {
                    origin = &entry.key_origin;
                }
                path = path.key(key);
            }
            (Kind::Missing(key), _) => path = path.key(key),
            _ => {}
        }
        self.0.place = Some((path, origin.clone()));
        self
    }

    /// Takes the texts under secret-looking keys, and passwords in URLs, out of the message.
    fn mask(&mut self, path: &KeyPath, node: &Node) {
        let mut secrets = Vec::new();
        collect_secrets(path, node, &mut secrets);
        let clean = |text: &str| {
            let mut text = mask_url(text).into_owned();
            for secret in &secrets {
                text = text.replace(secret.as_str(), MASK);
            }
            text
        };
        match &mut self.0.kind {
            Kind::Message(message) => *message = clean(message),
            Kind::UnknownVariant { variant, .. } => *variant = clean(variant),
            Kind::Expected { value, .. } => match is_secret_path(path) {
                true => *value = None,
                false => *value = value.take().map(|value| clean(&value)),
            },
            Kind::UnknownKey { .. } | Kind::Missing(_) => {}
        }
    }

    /// The path and the problem, complete with help. `also_known` are further names of keys of
    /// paths of length `also_depth`.
    pub(super) fn into_problem(
        self,
        also_known: &BTreeSet<String>,
        also_depth: usize,
    ) -> (KeyPath, Problem) {
        let Inner { kind, place } = *self.0;
        let (path, origin) = place.unzip();
        let path = path.unwrap_or_default();
        let (message, help) = match kind {
            Kind::Message(message) => (message, None),
            Kind::Expected {
                expected,
                found,
                value,
            } => {
                let is_plain = matches!(found.as_str(), "integer" | "number" | "boolean");
                let help = (expected == "text" && is_plain).then(|| "put it in quotes".to_owned());
                let value = value
                    .map(|value| format!(" {}", cut(&value)))
                    .unwrap_or_default();
                (format!("expected {expected}, found {found}{value}"), help)
            }
            Kind::UnknownKey { key, known } => {
                let also = also_known
                    .iter()
                    .map(String::as_str)
                    .filter(|_| path.0.len() == also_depth);
                (
                    "unknown key".into(),
                    suggest::help(&key, known.iter().copied().chain(also)),
                )
            }
            Kind::UnknownVariant { variant, known } => (
                format!("unknown value {:?}", cut(&variant)),
                suggest::help(&variant, known.iter().copied()),
            ),
            Kind::Missing(_) => ("this key is required and has no default".into(), None),
        };
        let mut problem = Problem::new(path.to_string(), message);
        problem.origin = origin;
        problem.help = help;
        (path, problem)
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn collect_secrets(path: &KeyPath, node: &Node, secrets: &mut Vec<String>) {
    let is_secret = is_secret_path(path);
    match &node.value {
        Value::Text(text) | Value::Loose(text) if is_secret && !text.is_empty() => {
            secrets.push(text.clone());
        }
        Value::Int(int) if is_secret => secrets.push(int.to_string()),
        Value::Float(float) if is_secret => secrets.push(float.to_string()),
        Value::List(items) => {
            for item in items {
                collect_secrets(path, item, secrets);
            }
        }
        Value::Table(table) => {
            for (key, entry) in table {
                collect_secrets(&path.key(key), &entry.node, secrets);
            }
        }
        _ => {}
    }
}

/// serde describes Rust types; an operator writes configuration.
fn in_plain_words(expected: String) -> String {
    let plain = match expected.as_str() {
        "a string" | "a borrowed string" | "string" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" | "u128" | "usize" => "an integer of 0 or more",
        "i8" => "an integer from -128 to 127",
        "i16" => "an integer from -32768 to 32767",
        "i32" | "i64" | "i128" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "a character" => "one character",
        "unit" => "nothing",
        text if text.starts_with("struct ") => "a table",
        text if text.starts_with("a nonzero ") => "an integer of 1 or more",
        _ => return expected,
    };
    plain.to_owned()
}

fn found(unexpected: Unexpected<'_>) -> (String, Option<String>) {
    let (kind, value) = match unexpected {
        Unexpected::Bool(bool) => ("boolean", bool.to_string()),
        Unexpected::Unsigned(int) => ("integer", int.to_string()),
        Unexpected::Signed(int) => ("integer", int.to_string()),
        Unexpected::Float(float) => ("number", float.to_string()),
        Unexpected::Char(char) => ("text", format!("{:?}", char.to_string())),
        Unexpected::Str(text) => ("text", format!("{text:?}")),
        Unexpected::Unit | Unexpected::Option => return ("nothing".into(), None),
        Unexpected::Seq => return ("a list".into(), None),
        Unexpected::Map => return ("a table".into(), None),
        Unexpected::Other(other) => return (other.to_owned(), None),
        other => return (other.to_string(), None),
    };
    (kind.into(), Some(value))
}

impl de::Error for DeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Message(message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, value) = found(unexpected);
        let expected = in_plain_words(expected.to_string());
        Self::new(Kind::Expected {
            expected,
            found,
            value,
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        let found = format!("{len} items");
        Self::new(Kind::Expected {
            expected: expected.to_string(),
            found,
            value: None,
        })
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownVariant {
            variant: variant.to_owned(),
            known,
        })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey {
            key: key.to_owned(),
            known,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Kind::Missing(key))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::new(Kind::Message(format!(
            "`{key}` is given twice, once by another name"
        )))
    }
}

impl Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Message(message) => f.write_str(message),
            Kind::Expected {
                expected, found, ..
            } => write!(f, "expected {expected}, found {found}"),
            Kind::UnknownKey { key, .. } => write!(f, "unknown key `{key}`"),
            Kind::UnknownVariant { variant, .. } => write!(f, "unknown value `{variant}`"),
            Kind::Missing(key) => write!(f, "missing key `{key}`"),
        }
    }
}

impl std::error::Error for DeError {}
