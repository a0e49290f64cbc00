//! The table of recent fields (RFC 7541 sections 2.3.2 and 4).

use std::collections::VecDeque;

use super::static_table::Match;
use super::{TABLE_BYTES_MAX, field_bytes};

/// Recent fields, newest first, within a size.
///
/// The texts of all entries lie one behind the other in one buffer, oldest first, so that an insert
/// allocates nothing once the buffer has grown. Evicted texts stay at its head until they are as
/// many bytes as the others: moving the others costs no more than what was inserted before.
#[derive(Debug, Clone)]
pub(super) struct DynamicTable {
    texts: Vec<u8>,
    /// Where the oldest entry's text begins.
    head: usize,
    /// Newest first.
    entries: VecDeque<Entry>,
    /// Size of all entries as RFC 7541 section 4.1 counts it.
    bytes: usize,
    bytes_max: usize,
    /// How many entries there ever were; it may wrap.
    inserts: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    name_len: u32,
    value_len: u32,
    /// Whether the texts are known to be well-formed: the decoder's caller said so.
    is_trusted: bool,
}

impl Entry {
    const fn name_len(&self) -> usize {
        self.name_len as usize
    }

    const fn end(&self) -> usize {
        self.start + self.name_len as usize + self.value_len as usize
    }
}

impl DynamicTable {
    pub(super) const fn new() -> Self {
        Self {
            texts: Vec::new(),
            head: 0,
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max: TABLE_BYTES_MAX,
            inserts: 0,
        }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Changes the size limit and evicts what no longer fits (RFC 7541 section 4.3).
    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max.min(TABLE_BYTES_MAX);
        self.evict_to(self.bytes_max);
    }

    /// The entry that is `age` inserts old: 0 is the newest.
    #[inline]
    pub(super) fn get(&self, age: usize) -> Option<(&[u8], &[u8])> {
        self.entries.get(age).map(|entry| self.text(entry))
    }

    /// Like [`get`](Self::get), and whether the entry was inserted as a trusted one.
    #[inline]
    pub(super) fn get_trusted(&self, age: usize) -> Option<(&[u8], &[u8], bool)> {
        let entry = self.entries.get(age)?;
        let (name, value) = self.text(entry);
        Some((name, value, entry.is_trusted))
    }

    /// The number of the newest entry, which it keeps while others are inserted.
    pub(super) const fn newest(&self) -> u32 {
        self.inserts
    }

    /// The age of the entry of this number: an index that may be out of the table.
    pub(super) const fn age_of(&self, number: u32) -> usize {
        self.inserts.wrapping_sub(number) as usize
    }

    /// The newest entry for a field; a `Match` of a table's own ages, not of indices.
    pub(super) fn find(&self, name: &[u8], value: &[u8]) -> Option<Match> {
        let mut same_name = None;
        for (age, entry) in self.entries.iter().enumerate() {
            let (known_name, known_value) = self.text(entry);
            if known_name == name {
                if known_value == value {
                    return Some(Match::Field(age));
                }
                same_name = same_name.or(Some(Match::Name(age)));
            }
        }
        same_name
    }

    /// Puts a field in front, after evicting what has to leave for it. A field larger than the
    /// whole table leaves it empty (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8], is_trusted: bool) {
        let bytes = field_bytes(name, value);
        let Some(room) = self.bytes_max.checked_sub(bytes) else {
            self.evict_to(0);
            return;
        };
        self.evict_to(room);
        // What fits into the table fits into 32 bits.
        let len = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.entries.push_front(Entry {
            start: self.texts.len(),
            name_len: len(name),
            value_len: len(value),
            is_trusted,
        });
        self.inserts = self.inserts.wrapping_add(1);
        self.texts.extend_from_slice(name);
        self.texts.extend_from_slice(value);
        self.bytes += bytes;
    }

    #[inline]
    fn text(&self, entry: &Entry) -> (&[u8], &[u8]) {
        self.texts[entry.start..entry.end()].split_at(entry.name_len())
    }

    fn evict_to(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some(oldest) = self.entries.pop_back()
        {
            let (name, value) = self.text(&oldest);
            self.bytes -= field_bytes(name, value);
            self.head = oldest.end();
        }
        let live = self.texts.len() - self.head;
        if self.head >= live {
            self.texts.copy_within(self.head.., 0);
            self.texts.truncate(live);
            for entry in &mut self.entries {
                entry.start -= self.head;
            }
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the RFC says, without the shared buffer.
    #[derive(Default)]
    struct Model(VecDeque<(Vec<u8>, Vec<u8>)>);

    impl Model {
        fn bytes(&self) -> usize {
            self.0.iter().map(|(n, v)| field_bytes(n, v)).sum()
        }

        fn insert(&mut self, bytes_max: usize, name: &[u8], value: &[u8]) {
            self.0.push_front((name.to_vec(), value.to_vec()));
            self.shrink(bytes_max);
        }

        fn shrink(&mut self, bytes_max: usize) {
            while self.bytes() > bytes_max {
                self.0.pop_back();
            }
        }
    }

    #[test]
    fn field_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new();
        table.insert(b"a", b"b", true);
        table.insert(b"c", &[b'x'; TABLE_BYTES_MAX], true);
        assert_eq!((table.get(0), table.bytes()), (None, 0));
    }

    #[test]
    fn limit_stays_below_4_kib() {
        let mut table = DynamicTable::new();
        table.set_bytes_max(usize::MAX);
        assert_eq!(table.bytes_max(), TABLE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn table_does_what_the_model_does(
            steps in prop::collection::vec((0_usize..20, 0_usize..90, 0_usize..600), 1..200),
        ) {
            let mut table = DynamicTable::new();
            let mut model = Model::default();
            for (at, (name, value, limit)) in steps.into_iter().enumerate() {
                if limit < 30 {
                    table.set_bytes_max(limit * 10);
                    model.shrink(limit * 10);
                } else {
                    let letter = b'a' + u8::try_from(at % 26).unwrap();
                    let (name, value) = (vec![letter; name], vec![letter; value]);
                    table.insert(&name, &value, at % 2 == 0);
                    model.insert(table.bytes_max(), &name, &value);
                    if let Some(first) = table.get(0) {
                        prop_assert_eq!(table.find(first.0, first.1), Some(Match::Field(0)));
                    }
                }
                prop_assert_eq!(table.bytes(), model.bytes());
                for (age, (name, value)) in model.0.iter().enumerate() {
                    prop_assert_eq!(table.get(age), Some((&name[..], &value[..])));
                }
                prop_assert_eq!(table.get(model.0.len()), None);
                prop_assert!(table.texts.capacity() <= 4 * TABLE_BYTES_MAX);
                let entry_bytes = table.entries.capacity() * size_of::<Entry>();
                prop_assert!(entry_bytes <= TABLE_BYTES_MAX);
            }
        }
    }
}
