//! The deserializer of one node.

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, Error as _, Unexpected, Visitor};

use super::Context;
use super::access::{ListAccess, TableAccess, VariantAccess};
use super::error::DeError;
use crate::node::{KeyPath, Node, Segment, Value};
use crate::redact::is_secret_path;
use crate::secret::SECRET_NAME;

/// The way to a node. Only written out when something is wrong.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Base(&'a KeyPath),
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    pub(super) fn to_key_path(self) -> KeyPath {
        match self {
            Path::Base(base) => base.clone(),
            Path::Key(parent, key) => parent.to_key_path().key(key),
            Path::Index(parent, index) => parent.to_key_path().with(Segment::Index(index)),
        }
    }

    fn is_top(&self) -> bool {
        matches!(self, Path::Base(base) if base.0.is_empty())
    }
}

#[derive(Clone, Copy)]
pub(super) struct TreeDeserializer<'a> {
    pub(super) node: &'a Node,
    pub(super) path: Path<'a>,
    pub(super) cx: &'a Context,
}

impl<'a> TreeDeserializer<'a> {
    pub(super) fn new(node: &'a Node, path: Path<'a>, cx: &'a Context) -> Self {
        Self { node, path, cx }
    }

    /// Whether this child was reported in an earlier round.
    pub(super) fn is_poisoned(&self, child: Path<'_>) -> bool {
        !self.cx.poisoned.is_empty() && self.cx.poisoned.contains(&child.to_key_path())
    }

    pub(super) fn is_hidden(&self, key: &str) -> bool {
        self.path.is_top() && self.cx.hidden.contains(key)
    }

    pub(super) fn located<T>(&self, result: Result<T, DeError>) -> Result<T, DeError> {
        result.map_err(|error| error.or_at(|| self.path.to_key_path(), self.node))
    }

    fn table<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        known: Option<&'static [&'static str]>,
    ) -> Result<V::Value, DeError> {
        match &self.node.value {
            Value::Table(table) => {
                self.located(visitor.visit_map(TableAccess::new(self, Some(table), known)))
            }
            // `server:` with everything below it commented out.
            Value::Null => self.located(visitor.visit_map(TableAccess::new(self, None, known))),
            // serde would fill a struct from a list, field by field.
            Value::List(_) => self.located(Err(DeError::invalid_type(Unexpected::Seq, &visitor))),
            _ => self.any(visitor),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V, fixed: bool) -> Result<V::Value, DeError> {
        match &self.node.value {
            Value::List(items) => {
                self.located(visitor.visit_seq(ListAccess::new(self, items, fixed)))
            }
            _ => self.any(visitor),
        }
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(bool) => visitor.visit_bool(*bool),
            Value::Int(int) => visit_int(visitor, *int),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Text(text) | Value::Loose(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(ListAccess::new(self, items, false)),
            Value::Table(table) => visitor.visit_map(TableAccess::new(self, Some(table), None)),
        };
        self.located(result)
    }

    /// A number or a boolean: text without a type of its own becomes one if it can.
    fn scalar<'de, V: Visitor<'de>>(self, visitor: V, wanted: Wanted) -> Result<V::Value, DeError> {
        let Value::Loose(text) = &self.node.value else {
            return self.any(visitor);
        };
        let text = text.trim();
        let result = match wanted {
            Wanted::Bool => match text.parse() {
                Ok(bool) => visitor.visit_bool(bool),
                Err(_) => return self.any(visitor),
            },
            Wanted::Int => match text.parse() {
                Ok(int) => visit_int(visitor, int),
                Err(_) => return self.any(visitor),
            },
            Wanted::Float => match text.parse() {
                Ok(float) => visitor.visit_f64(float),
                Err(_) => return self.any(visitor),
            },
        };
        self.located(result)
    }
}

enum Wanted {
    Bool,
    Int,
    Float,
}

fn visit_int<'de, V: Visitor<'de>>(visitor: V, int: i128) -> Result<V::Value, DeError> {
    match (u64::try_from(int), i64::try_from(int)) {
        (Ok(int), _) => visitor.visit_u64(int),
        (_, Ok(int)) => visitor.visit_i64(int),
        _ => visitor.visit_i128(int),
    }
}

macro_rules! scalars {
    ($($method:ident $wanted:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            self.scalar(visitor, Wanted::$wanted)
        }
    )*};
}

macro_rules! as_written {
    ($($method:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            self.any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for TreeDeserializer<'_> {
    type Error = DeError;

    /// Nobody says what is wanted (an untagged enum, a flattened struct, a dynamic value): text
    /// without a type is a boolean or a number if it is written exactly like one, except that a
    /// password of digits is still a text.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        let Value::Loose(text) = &self.node.value else {
            return self.any(visitor);
        };
        if is_secret_path(&self.path.to_key_path()) {
            return self.any(visitor);
        }
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let result = match text.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text => match (text.parse::<i128>(), text.parse::<f64>()) {
                (Ok(int), _) if int.to_string() == *text => visit_int(visitor, int),
                (Err(_), Ok(float)) if numeric => visitor.visit_f64(float),
                _ => return self.any(visitor),
            },
        };
        self.located(result)
    }

    scalars! {
        deserialize_bool Bool,
        deserialize_i8 Int, deserialize_i16 Int, deserialize_i32 Int, deserialize_i64 Int,
        deserialize_i128 Int, deserialize_u8 Int, deserialize_u16 Int, deserialize_u32 Int,
        deserialize_u64 Int, deserialize_u128 Int,
        deserialize_f32 Float, deserialize_f64 Float,
    }

    as_written! {
        deserialize_char, deserialize_str, deserialize_string, deserialize_bytes,
        deserialize_byte_buf, deserialize_unit, deserialize_identifier,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match &self.node.value {
            Value::Null => self.located(visitor.visit_none()),
            // `token = "${TOKEN:}"`: an empty variable is the only way to say "none" there.
            Value::Loose(text) if text.is_empty() => self.located(visitor.visit_none()),
            _ => self.located(visitor.visit_some(self)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        match &self.node.value {
            Value::Table(table) if table.is_empty() => self.located(visitor.visit_unit()),
            _ => self.any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        if name == SECRET_NAME {
            self.cx.secrets.borrow_mut().insert(self.path.to_key_path());
            if let Value::Loose(text) = &self.node.value {
                let text = StrDeserializer::<DeError>::new(text);
                return self.located(visitor.visit_newtype_struct(text));
            }
        }
        self.located(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.list(visitor, false)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.list(visitor, true)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.list(visitor, true)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.table(visitor, None)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.table(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let result = match &self.node.value {
            Value::Text(text) | Value::Loose(text) => {
                visitor.visit_enum(VariantAccess::unit(self, text))
            }
            Value::Table(table) if table.len() == 1 => {
                let (name, entry) = table.first_key_value().expect("it has one entry");
                visitor.visit_enum(VariantAccess::with_value(self, name, &entry.node))
            }
            other => {
                let names: Vec<_> = variants.iter().map(|name| format!("\"{name}\"")).collect();
                let expected = format!("one of {}", names.join(", "));
                Err(match other {
                    Value::Int(int) => DeError::invalid_type(
                        Unexpected::Signed(i64::try_from(*int).unwrap_or(i64::MAX)),
                        &expected.as_str(),
                    ),
                    other => {
                        DeError::invalid_type(Unexpected::Other(other.kind()), &expected.as_str())
                    }
                })
            }
        };
        self.located(result)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }
}
