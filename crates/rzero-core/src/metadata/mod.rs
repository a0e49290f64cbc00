//! Key and value pairs that travel beside a message.

mod collector;
mod packed;

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;

pub use collector::MetadataCollector;
use packed::Packed;

/// Most pairs one [`Metadata`] holds; the wires refuse more before they build one.
const PAIRS_MAX: usize = 256;

/// Keys that belong to HTTP: sent as metadata they would break the call.
const WIRE_KEYS: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What is in the keys of credentials: `authorization`, go-zero's `token`, cookies and the like.
const CREDENTIALS: [&str; 6] = [
    "authorization",
    "token",
    "cookie",
    "secret",
    "password",
    "api-key",
];

/// A metadata value: text under an ordinary key, bytes under a key that ends in `-bin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Visible ASCII and spaces.
    Text(Cow<'static, str>),
    /// Any bytes; the wire encodes them.
    Binary(Bytes),
}

/// An ordered multi-map of metadata; keys are lower case, order of equal keys is kept.
///
/// ```
/// # use rzero_core::Metadata;
/// let mut md = Metadata::new();
/// md.insert("x-tenant", "blue").unwrap();
/// assert_eq!(md.get("x-tenant"), Some("blue"));
/// ```
#[derive(Default)]
pub struct Metadata {
    /// All pairs as a wire gave them, when they are text. Most of it is never looked at but for a
    /// key or two.
    packed: Option<Packed>,
    /// All pairs; not there while nobody asked for them and they are packed, or there are none.
    pairs: OnceLock<Vec<Pair>>,
}

type Pair = (Cow<'static, str>, Value);

/// Why a key or value cannot be metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMetadata {
    key: String,
    why: &'static str,
}

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata `{}`: {}", self.key, self.why)
    }
}

impl std::error::Error for InvalidMetadata {}

impl Metadata {
    /// An empty map; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            packed: None,
            pairs: OnceLock::new(),
        }
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_none() && self.unpacked().is_empty()
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.packed {
            Some(packed) => packed.len(),
            None => self.unpacked().len(),
        }
    }

    /// The first text value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key).next()
    }

    /// All text values of `key`, in order.
    pub fn get_all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        let packed = self.packed.iter().flat_map(|packed| packed.get_all(key));
        let rest = match &self.packed {
            Some(_) => &[],
            None => self.unpacked(),
        };
        packed.chain(rest.iter().filter_map(move |(k, v)| match v {
            Value::Text(text) if k == key => Some(text.as_ref()),
            _ => None,
        }))
    }

    /// The first binary value of `key`, which ends in `-bin`.
    #[must_use]
    pub fn get_binary(&self, key: &str) -> Option<&Bytes> {
        self.unpacked().iter().find_map(|(k, v)| match v {
            Value::Binary(bytes) if k == key => Some(bytes),
            _ => None,
        })
    }

    /// Adds a text pair; earlier values of the key stay.
    ///
    /// # Errors
    /// When the key is not `[a-z0-9_.-]+`, ends in `-bin`, begins with `grpc-` (the wire's own) or
    /// `:`; when the value is not visible ASCII and spaces; when there are 256 pairs already.
    pub fn insert(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Result<(), InvalidMetadata> {
        let (key, value) = (key.into(), value.into());
        check_text(&key, &value)?;
        self.push(key, Value::Text(value))
    }

    /// Adds a binary pair; earlier values of the key stay.
    ///
    /// # Errors
    /// When the key is not `[a-z0-9_.-]+-bin`, or when there are 256 pairs already.
    pub fn insert_binary(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Bytes>,
    ) -> Result<(), InvalidMetadata> {
        let key = key.into();
        check_key(&key)?;
        if !key.ends_with("-bin") {
            return Err(invalid(&key, "binary values need a key that ends in -bin"));
        }
        self.push(key, Value::Binary(value.into()))
    }

    /// Removes all values of `key`.
    pub fn remove(&mut self, key: &str) {
        self.pairs_mut().retain(|(k, _)| k != key);
    }

    /// Adds all pairs of `other` behind ours, as far as there is room.
    pub fn extend(&mut self, other: &Metadata) {
        if self.is_empty() {
            *self = other.clone();
        } else if !other.is_empty() {
            let pairs = self.pairs_mut();
            let room = PAIRS_MAX.saturating_sub(pairs.len());
            pairs.extend(other.pairs().iter().take(room).cloned());
        }
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.pairs().iter().map(|(k, v)| (k.as_ref(), v))
    }

    fn push(&mut self, key: Cow<'static, str>, value: Value) -> Result<(), InvalidMetadata> {
        let pairs = self.pairs_mut();
        if pairs.len() >= PAIRS_MAX {
            return Err(invalid(&key, "more than 256 pairs"));
        }
        pairs.push((key, value));
        Ok(())
    }

    /// The pairs as far as they are unpacked already.
    fn unpacked(&self) -> &[Pair] {
        self.pairs.get().map_or(&[], Vec::as_slice)
    }

    fn pairs(&self) -> &[Pair] {
        let unpack = || self.packed.as_ref().map(Packed::pairs).unwrap_or_default();
        self.pairs.get_or_init(unpack)
    }

    fn pairs_mut(&mut self) -> &mut Vec<Pair> {
        self.pairs();
        self.packed = None;
        self.pairs.get_mut().expect("filled just before")
    }
}

impl Clone for Metadata {
    fn clone(&self) -> Self {
        match &self.packed {
            Some(packed) => Self::from(packed.clone()),
            None => Self {
                packed: None,
                pairs: self.pairs.clone(),
            },
        }
    }
}

impl From<Packed> for Metadata {
    fn from(packed: Packed) -> Self {
        Self {
            packed: Some(packed),
            pairs: OnceLock::new(),
        }
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.pairs() == other.pairs()
    }
}

impl Eq for Metadata {}

/// Credentials are not shown.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.iter() {
            match CREDENTIALS.iter().any(|part| key.contains(part)) {
                true => map.entry(&key, &"***"),
                false => map.entry(&key, &value),
            };
        }
        map.finish()
    }
}

fn invalid(key: &str, why: &'static str) -> InvalidMetadata {
    InvalidMetadata {
        key: key.chars().take(64).collect(),
        why,
    }
}

fn check_text(key: &str, value: &str) -> Result<(), InvalidMetadata> {
    check_key(key)?;
    if key.ends_with("-bin") {
        return Err(invalid(
            key,
            "keys that end in -bin take bytes: use insert_binary",
        ));
    }
    if !value.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return Err(invalid(
            key,
            "values are visible ASCII and spaces; use a -bin key",
        ));
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), InvalidMetadata> {
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if key.is_empty() || !key.bytes().all(allowed) {
        return Err(invalid(key, "keys are lower case: a-z, 0-9, - _ ."));
    }
    let reserved = key.starts_with("grpc-") && key != crate::names::RETRY_PUSHBACK;
    if reserved || WIRE_KEYS.contains(&key) {
        return Err(invalid(key, "this key belongs to the wire"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let mut md = Metadata::new();
        md.insert("authorization", "Bearer hunter2").unwrap();
        md.insert("token", "hunter2").unwrap();
        md.insert("app", "stock").unwrap();
        let shown = format!("{md:?}");
        assert!(
            !shown.contains("hunter2") && shown.contains("stock"),
            "{shown}"
        );
    }

    #[test]
    fn several_values_keep_their_order() {
        let mut md = Metadata::new();
        md.insert("a", "1").unwrap();
        md.insert("b", "x").unwrap();
        md.insert("a", "2").unwrap();
        assert_eq!(md.get_all("a").collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn wire_keys_and_bad_values_are_refused() {
        let mut md = Metadata::new();
        assert!(md.insert("grpc-status", "0").is_err());
        assert!(md.insert(":path", "/").is_err());
        assert!(md.insert("Upper", "0").is_err());
        assert!(md.insert("k", "line\nbreak").is_err());
        assert!(md.insert("k-bin", "text").is_err());
        assert!(md.insert_binary("k", "text").is_err());
        assert!(md.is_empty());
    }

    #[test]
    fn pairs_are_bounded() {
        let mut md = Metadata::new();
        (0..256).for_each(|_| md.insert("k", "v").unwrap());
        assert!(md.insert("k", "v").is_err());
    }
}
