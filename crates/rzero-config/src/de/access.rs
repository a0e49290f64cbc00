//! Tables, lists and enums, one step at a time.

use std::collections::btree_map;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess as SerdeVariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::DeError;
use super::tree::{Path, TreeDeserializer};
use crate::node::{Entry, Node, Table, Value};

/// Offers the keys of a table. With the `known` names of a struct, keys it does not know are
/// offered too, since a manual `Deserialize` may take more than it announces; those it ignores
/// or refuses are reported.
pub(super) struct TableAccess<'a> {
    table: TreeDeserializer<'a>,
    entries: Option<btree_map::Iter<'a, String, Entry>>,
    known: Option<&'static [&'static str]>,
    current: Option<(&'a str, &'a Entry)>,
}

impl<'a> TableAccess<'a> {
    pub(super) fn new(
        de: TreeDeserializer<'a>,
        table: Option<&'a Table>,
        known: Option<&'static [&'static str]>,
    ) -> Self {
        Self {
            table: de,
            entries: table.map(Table::iter),
            known,
            current: None,
        }
    }

    fn is_strange(&self, key: &str) -> bool {
        self.known.is_some_and(|known| !known.contains(&key))
    }

    fn report_unknown(&self, key: &str, entry: &Entry) {
        let path = Path::Key(&self.table.path, key).to_key_path();
        let known = self.known.unwrap_or_default();
        self.table
            .cx
            .report_unknown(path, &entry.key_origin, key, known);
    }
}

impl<'de> MapAccess<'de> for TableAccess<'_> {
    type Error = DeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeError> {
        loop {
            let Some((key, entry)) = self.entries.as_mut().and_then(Iterator::next) else {
                return Ok(None);
            };
            let path = Path::Key(&self.table.path, key);
            if self.table.is_hidden(key) || self.table.is_poisoned(path) {
                continue;
            }
            self.current = Some((key, entry));
            return match seed.deserialize(StrDeserializer::<DeError>::new(key)) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(error.or_at(|| self.table.path.to_key_path(), self.table.node)),
            };
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DeError> {
        let Some((key, entry)) = self.current.take() else {
            return Err(DeError::custom("a value was asked for before its key"));
        };
        let path = Path::Key(&self.table.path, key);
        let value = TreeDeserializer::new(&entry.node, path, self.table.cx);
        if self.is_strange(key) {
            let watched = Strange {
                value,
                access: self,
                key,
                entry,
            };
            return value.located(seed.deserialize(watched));
        }
        value.located(seed.deserialize(value))
    }
}

/// A value under a key that the struct did not announce.
struct Strange<'a, 'b> {
    value: TreeDeserializer<'a>,
    access: &'a TableAccess<'b>,
    key: &'a str,
    entry: &'a Entry,
}

impl<'de> Deserializer<'de> for Strange<'_, '_> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.value.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.access.report_unknown(self.key, self.entry);
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

pub(super) struct ListAccess<'a> {
    list: TreeDeserializer<'a>,
    items: &'a [Node],
    next: usize,
    /// A tuple: leaving out an item would move the others.
    fixed: bool,
}

impl<'a> ListAccess<'a> {
    pub(super) fn new(list: TreeDeserializer<'a>, items: &'a [Node], fixed: bool) -> Self {
        Self {
            list,
            items,
            next: 0,
            fixed,
        }
    }
}

impl<'de> SeqAccess<'de> for ListAccess<'_> {
    type Error = DeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DeError> {
        while let Some(node) = self.items.get(self.next) {
            let path = Path::Index(&self.list.path, self.next);
            self.next += 1;
            if !self.fixed && self.list.is_poisoned(path) {
                continue;
            }
            let item = TreeDeserializer::new(node, path, self.list.cx);
            return item.located(seed.deserialize(item)).map(Some);
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

/// A variant: its name, and what is written below the name.
pub(super) struct VariantAccess<'a> {
    whole: TreeDeserializer<'a>,
    name: &'a str,
    value: Option<&'a Node>,
}

impl<'a> VariantAccess<'a> {
    pub(super) fn unit(whole: TreeDeserializer<'a>, name: &'a str) -> Self {
        Self {
            whole,
            name,
            value: None,
        }
    }

    pub(super) fn with_value(whole: TreeDeserializer<'a>, name: &'a str, value: &'a Node) -> Self {
        Self {
            whole,
            name,
            value: Some(value),
        }
    }

    /// Reads what is below the name.
    fn read<T>(
        self,
        read: impl FnOnce(TreeDeserializer<'_>) -> Result<T, DeError>,
    ) -> Result<T, DeError> {
        let path = Path::Key(&self.whole.path, self.name);
        match self.value {
            Some(node) => {
                let value = TreeDeserializer::new(node, path, self.whole.cx);
                value.located(read(value))
            }
            None => Err(DeError::invalid_type(
                Unexpected::Other("only its name"),
                &format!("`{}` with a value below it", self.name).as_str(),
            )),
        }
    }
}

impl<'de, 'a> EnumAccess<'de> for VariantAccess<'a> {
    type Error = DeError;
    type Variant = VariantAccess<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), DeError> {
        let name: StrDeserializer<'_, DeError> = self.name.into_deserializer();
        Ok((self.whole.located(seed.deserialize(name))?, self))
    }
}

impl<'de> SerdeVariantAccess<'de> for VariantAccess<'_> {
    type Error = DeError;

    fn unit_variant(self) -> Result<(), DeError> {
        match self.value.map(|node| &node.value) {
            None | Some(Value::Null) => Ok(()),
            Some(Value::Table(table)) if table.is_empty() => Ok(()),
            Some(other) => Err(DeError::invalid_type(
                Unexpected::Other(other.kind()),
                &format!("nothing below `{}`", self.name).as_str(),
            )),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DeError> {
        self.read(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, DeError> {
        self.read(|value| value.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.read(|value| value.deserialize_struct("", fields, visitor))
    }
}
