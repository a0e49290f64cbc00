//! Text pairs in one piece of memory.

use std::borrow::Cow;

use super::{Pair, Value};

/// Ends a key; no key and no value contains it.
const KEY_END: char = '\0';
/// Ends a value; no key and no value contains it.
const VALUE_END: char = '\n';

/// One or more text pairs that were checked, each `key NUL value LF`.
#[derive(Clone)]
pub(super) struct Packed(Box<str>);

impl Packed {
    /// `None` when `text` holds no pair. It was written by [`append`].
    pub(super) fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'\n').count()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        iter(&self.0)
    }

    pub(super) fn pairs(&self) -> Vec<Pair> {
        pairs(&self.0)
    }
}

/// Appends a pair that was checked.
pub(super) fn append(text: &mut String, key: &str, value: &str) {
    text.reserve(key.len() + value.len() + 2);
    text.push_str(key);
    text.push(KEY_END);
    text.push_str(value);
    text.push(VALUE_END);
}

pub(super) fn pairs(text: &str) -> Vec<Pair> {
    let owned = |text: &str| Cow::Owned(text.to_owned());
    iter(text)
        .map(|(key, value)| (owned(key), Value::Text(owned(value))))
        .collect()
}

fn iter(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_terminator(VALUE_END)
        .filter_map(|pair| pair.split_once(KEY_END))
}
