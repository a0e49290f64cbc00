//! Text pairs in one piece of memory.

use std::borrow::Cow;
use std::str;

use super::{Pair, Value};

/// The lengths of a key and of its value, four bytes each.
const HEAD_BYTES: usize = 8;

/// One or more text pairs that were checked: two lengths, the key and the value of each. Keys are
/// found by skipping from length to length.
#[derive(Clone)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// `None` when `bytes` hold no pair. They were written by [`append`].
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self(bytes.into()))
    }

    pub(super) fn len(&self) -> usize {
        Pairs(&self.0).count()
    }

    /// The values of a key, in order.
    pub(super) fn get_all(&self, key: &str) -> impl Iterator<Item = &str> {
        Pairs(&self.0)
            .filter(move |(k, _)| *k == key.as_bytes())
            .map(|(_, value)| text(value))
    }

    pub(super) fn pairs(&self) -> Vec<Pair> {
        pairs(&self.0)
    }
}

/// Appends a pair that was checked; `false` when it is too long to be packed.
pub(super) fn append(bytes: &mut Vec<u8>, key: &str, value: &str) -> bool {
    let length = |text: &str| u32::try_from(text.len()).map(u32::to_ne_bytes);
    let (Ok(key_length), Ok(value_length)) = (length(key), length(value)) else {
        return false;
    };
    bytes.reserve(HEAD_BYTES + key.len() + value.len());
    for part in [
        &key_length[..],
        &value_length,
        key.as_bytes(),
        value.as_bytes(),
    ] {
        bytes.extend_from_slice(part);
    }
    true
}

pub(super) fn pairs(bytes: &[u8]) -> Vec<Pair> {
    let owned = |bytes| Cow::Owned(text(bytes).to_owned());
    Pairs(bytes)
        .map(|(key, value)| (owned(key), Value::Text(owned(value))))
        .collect()
}

/// Only text is ever packed.
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// The pairs in packed bytes.
struct Pairs<'a>(&'a [u8]);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.0.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let length = |bytes: &[u8; 4]| usize::try_from(u32::from_ne_bytes(*bytes)).ok();
        let (key, rest) = rest.split_at_checked(length(key)?)?;
        let (value, rest) = rest.split_at_checked(length(value)?)?;
        self.0 = rest;
        Some((key, value))
    }
}
