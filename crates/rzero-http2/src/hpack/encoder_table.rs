//! Finding fields in both tables.

use super::dynamic_table::DynamicTable;
use super::static_table::{self, LEN, Match};

/// How many fields are remembered with their place.
const PLACES: usize = 32;

/// Both tables as an encoder sees them, with a memory of where fields were found: a connection
/// sends the same few fields with every call.
#[derive(Debug, Clone)]
pub(super) struct EncoderTable {
    dynamic: DynamicTable,
    /// By hash of the field. What is found there is compared, so that old places do no harm.
    places: [Place; PLACES],
    /// Counts what may move an index; it may wrap.
    version: u32,
    /// Runs of fields that are written often.
    runs: Vec<Run>,
}

/// What a run of fields was encoded as, with the version of the table that this holds for.
#[derive(Debug, Clone, Default)]
struct Run {
    bytes: Vec<u8>,
    version: Option<u32>,
}

/// Where a field was.
#[derive(Debug, Clone, Copy)]
enum Place {
    Nowhere,
    /// The index in the static table.
    Static(u8),
    /// The entry's number in the dynamic table.
    Dynamic(u32),
}

impl EncoderTable {
    pub(super) const fn new() -> Self {
        Self {
            dynamic: DynamicTable::new(),
            places: [Place::Nowhere; PLACES],
            version: 0,
            runs: Vec::new(),
        }
    }

    pub(super) const fn version(&self) -> u32 {
        self.version
    }

    /// The bytes of a run, if they still hold.
    #[inline]
    pub(super) fn run(&self, run: usize) -> Option<&[u8]> {
        let run = self.runs.get(run)?;
        (run.version == Some(self.version)).then_some(&run.bytes)
    }

    /// Remembers the bytes of a run.
    pub(super) fn set_run(&mut self, run: usize, bytes: &[u8]) {
        if self.runs.len() <= run {
            self.runs.resize_with(run + 1, Run::default);
        }
        let run = &mut self.runs[run];
        run.bytes.clear();
        run.bytes.extend_from_slice(bytes);
        run.version = Some(self.version);
    }

    pub(super) const fn bytes(&self) -> usize {
        self.dynamic.bytes()
    }

    pub(super) const fn bytes_max(&self) -> usize {
        self.dynamic.bytes_max()
    }

    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.dynamic.set_bytes_max(bytes_max);
        self.version = self.version.wrapping_add(1);
    }

    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        self.dynamic.insert(name, value, false);
        self.version = self.version.wrapping_add(1);
        self.places[hash(name, value)] = Place::Dynamic(self.dynamic.newest());
    }

    /// The best entry for a field; its index over both tables.
    pub(super) fn find(&mut self, name: &[u8], value: &[u8]) -> Option<Match> {
        let slot = hash(name, value);
        match self.places[slot] {
            Place::Nowhere => {}
            Place::Static(index) => {
                let index = usize::from(index);
                if static_table::get(index) == Some((name, value)) {
                    return Some(Match::Field(index));
                }
            }
            Place::Dynamic(number) => {
                let age = self.dynamic.age_of(number);
                if self.dynamic.get(age) == Some((name, value)) {
                    return Some(Match::Field(LEN + 1 + age));
                }
            }
        }
        self.search(name, value, slot)
    }

    fn search(&mut self, name: &[u8], value: &[u8], slot: usize) -> Option<Match> {
        let known = match static_table::find(name, value) {
            Some(Match::Field(index)) => {
                self.places[slot] = u8::try_from(index).map_or(Place::Nowhere, Place::Static);
                return Some(Match::Field(index));
            }
            known => known,
        };
        match self.dynamic.find(name, value) {
            Some(Match::Field(age)) => {
                // The newest entry has the age 0.
                let back = u32::try_from(age).unwrap_or(u32::MAX);
                let number = self.dynamic.newest().wrapping_sub(back);
                self.places[slot] = Place::Dynamic(number);
                Some(Match::Field(LEN + 1 + age))
            }
            Some(Match::Name(age)) => known.or(Some(Match::Name(LEN + 1 + age))),
            None => known,
        }
    }
}

/// A place for a field. Lengths and last bytes tell the fields of a connection apart.
fn hash(name: &[u8], value: &[u8]) -> usize {
    let lengths = (name.len() as u64) << 32 ^ value.len() as u64;
    let mixed =
        (tail(name).rotate_left(29) ^ tail(value) ^ lengths).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The upper bits depend on all others.
    let [.., upper] = mixed.to_le_bytes();
    usize::from(upper) * PLACES / (1 << u8::BITS)
}

/// The last bytes as a number.
fn tail(text: &[u8]) -> u64 {
    match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last),
        None => text
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_fields_do_not_share_places() {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":status", "200"),
            (":authority", "127.0.0.1:50051"),
            (":path", "/shop.Orders/Place"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-status", "0"),
            ("grpc-accept-encoding", "identity,gzip"),
        ];
        let mut places: Vec<_> = fields
            .iter()
            .map(|(name, value)| hash(name.as_bytes(), value.as_bytes()))
            .collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() >= fields.len() - 1, "{places:?}");
    }

    proptest! {
        /// Few different fields, so that places are shared and entries evicted.
        #[test]
        fn memory_of_places_changes_nothing(
            fields in prop::collection::vec((0_u8..4, 0_u8..60, 0_usize..200), 1..300),
        ) {
            let mut table = EncoderTable::new();
            for (name, value, len) in fields {
                let name = [b'n', name];
                let value = vec![value; len];
                let fresh = EncoderTable {
                    places: [Place::Nowhere; PLACES],
                    ..table.clone()
                }
                .find(&name, &value);
                let found = table.find(&name, &value);
                prop_assert_eq!(found, fresh);
                if !matches!(found, Some(Match::Field(_))) {
                    table.insert(&name, &value);
                }
            }
        }
    }
}
