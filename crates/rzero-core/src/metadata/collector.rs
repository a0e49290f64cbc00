//! Metadata as it comes off a wire.

use std::sync::OnceLock;

use bytes::Bytes;

use super::packed::{self, Packed};
use super::{InvalidMetadata, Metadata, PAIRS_MAX, check_text, invalid};

/// What a collector keeps allocated between calls, in bytes.
const KEPT_BYTES_MAX: usize = 4096;

/// Gathers the pairs of one call after the other, for wires: its memory is used again, and text
/// pairs become [`Metadata`] by a single allocation, whatever their number.
///
/// ```
/// # use rzero_core::MetadataCollector;
/// let mut collector = MetadataCollector::new();
/// collector.insert("x-tenant", "blue").unwrap();
/// assert_eq!(collector.take().get("x-tenant"), Some("blue"));
/// assert!(collector.take().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct MetadataCollector {
    packed: Vec<u8>,
    count: usize,
    /// All pairs so far, once one of them was binary.
    mixed: Metadata,
}

impl MetadataCollector {
    /// An empty one; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            packed: Vec::new(),
            count: 0,
            mixed: Metadata::new(),
        }
    }

    /// Whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty() && self.mixed.is_empty()
    }

    /// Adds a text pair; earlier values of the key stay.
    ///
    /// # Errors
    /// Those of [`Metadata::insert`].
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), InvalidMetadata> {
        if !self.mixed.is_empty() {
            return self.mixed.insert(key.to_owned(), value.to_owned());
        }
        check_text(key, value)?;
        if self.count >= PAIRS_MAX {
            return Err(invalid(key, "more than 256 pairs"));
        }
        if !packed::append(&mut self.packed, key, value) {
            return Err(invalid(key, "longer than 4 GiB"));
        }
        self.count += 1;
        Ok(())
    }

    /// Adds a binary pair; earlier values of the key stay.
    ///
    /// # Errors
    /// Those of [`Metadata::insert_binary`].
    pub fn insert_binary(
        &mut self,
        key: &str,
        value: impl Into<Bytes>,
    ) -> Result<(), InvalidMetadata> {
        if self.mixed.is_empty() {
            self.mixed.pairs = OnceLock::from(packed::pairs(&self.packed));
            self.clear_packed();
        }
        self.mixed.insert_binary(key.to_owned(), value)
    }

    /// The pairs since the last time; begins anew.
    pub fn take(&mut self) -> Metadata {
        if !self.mixed.is_empty() {
            return std::mem::take(&mut self.mixed);
        }
        let packed = Packed::new(&self.packed);
        self.clear_packed();
        packed.map(Metadata::from).unwrap_or_default()
    }

    /// Forgets what was gathered.
    pub fn clear(&mut self) {
        self.clear_packed();
        if !self.mixed.is_empty() {
            self.mixed = Metadata::new();
        }
    }

    fn clear_packed(&mut self) {
        self.packed.clear();
        self.count = 0;
        if self.packed.capacity() > KEPT_BYTES_MAX {
            self.packed = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(pairs: &[(&str, &str)]) -> Metadata {
        let mut collector = MetadataCollector::new();
        for (key, value) in pairs {
            collector.insert(key, value).unwrap();
        }
        collector.take()
    }

    fn inserted(pairs: &[(&'static str, &'static str)]) -> Metadata {
        let mut metadata = Metadata::new();
        for (key, value) in pairs {
            metadata.insert(*key, *value).unwrap();
        }
        metadata
    }

    const PAIRS: [(&str, &str); 4] = [("a", "1"), ("b", ""), ("a", "2"), ("c", "x y")];

    #[test]
    fn collected_pairs_are_those_that_were_inserted() {
        let metadata = collected(&PAIRS);
        assert_eq!((metadata.len(), metadata.is_empty()), (4, false));
        assert_eq!(metadata.get("b"), Some(""));
        assert_eq!(metadata.get("d"), None);
        assert_eq!(metadata.get_binary("a"), None);
        assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(metadata, inserted(&PAIRS));
        // Looking at all of them changes nothing.
        assert_eq!(metadata.len(), 4);
        assert_eq!(metadata.get_all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(metadata.clone(), metadata);
        assert_eq!(format!("{metadata:?}"), format!("{:?}", inserted(&PAIRS)));
    }

    #[test]
    fn collected_pairs_can_be_changed() {
        let mut metadata = collected(&PAIRS);
        metadata.remove("a");
        metadata.insert("d", "4").unwrap();
        metadata.extend(&collected(&[("e", "5")]));
        let expected = [("b", ""), ("c", "x y"), ("d", "4"), ("e", "5")];
        assert_eq!(metadata, inserted(&expected));
        let mut empty = Metadata::new();
        empty.extend(&collected(&PAIRS));
        assert_eq!(empty, inserted(&PAIRS));
        empty.extend(&Metadata::new());
        assert_eq!(empty.len(), 4);
    }

    #[test]
    fn binary_pairs_keep_the_order() {
        let mut collector = MetadataCollector::new();
        collector.insert("a", "1").unwrap();
        collector.insert_binary("b-bin", "\n\0").unwrap();
        collector.insert("c", "3").unwrap();
        assert!(!collector.is_empty());
        let metadata = collector.take();
        let keys: Vec<_> = metadata.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a", "b-bin", "c"]);
        assert_eq!(metadata.get_binary("b-bin").unwrap(), "\n\0");
        assert_eq!(metadata.get("c"), Some("3"));
        assert!(collector.is_empty() && collector.take().is_empty());
    }

    #[test]
    fn same_pairs_are_refused_as_by_insert() {
        let mut collector = MetadataCollector::new();
        for (key, value) in [
            ("grpc-status", "0"),
            ("Upper", ""),
            ("k", "\n"),
            ("k", "\0"),
        ] {
            assert!(collector.insert(key, value).is_err(), "{key}");
        }
        assert!(collector.insert("k-bin", "").is_err());
        assert!(collector.insert_binary("k", "").is_err());
        assert!(collector.is_empty());
        (0..256).for_each(|_| collector.insert("k", "v").unwrap());
        assert!(collector.insert("k", "v").is_err());
        collector.clear();
        assert!(collector.is_empty());
    }

    #[test]
    fn refused_binary_pair_keeps_the_text() {
        let mut collector = MetadataCollector::new();
        collector.insert("a", "1").unwrap();
        assert!(collector.insert_binary("b", "2").is_err());
        assert_eq!(collector.take(), inserted(&[("a", "1")]));
    }
}
