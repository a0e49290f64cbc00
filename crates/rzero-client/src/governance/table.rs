//! Something for each method of a target, found without a lock.

use std::array;
use std::sync::OnceLock;

use rzero_core::Method;

/// Slots of the first table; each further one has twice as many.
const FIRST: usize = 32;
const TABLES: usize = 6;

/// One value for each method of a target, made when the method is first called.
///
/// Methods are found by their path: one channel may serve several contracts, whose methods have
/// the same indices. Nothing is ever removed; beyond about 2,000 methods, all others share one
/// value, so that a client of made-up methods cannot fill the memory.
pub(crate) struct Table<T> {
    /// A method sits in the first table in which its slot was free when it came, so a free slot on
    /// the way means that the method is new.
    tables: [OnceLock<Box<[Slot<T>]>>; TABLES],
    others: OnceLock<T>,
}

type Slot<T> = OnceLock<(Method, T)>;

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            tables: array::from_fn(|_| OnceLock::new()),
            others: OnceLock::new(),
        }
    }

    /// The value of `method`, if it was made.
    #[inline]
    pub(crate) fn get(&self, method: Method) -> Option<&T> {
        let hash = hash(method);
        for table in &self.tables {
            let slots = table.get()?;
            let (held, value) = slots[hash & (slots.len() - 1)].get()?;
            if *held == method {
                return Some(value);
            }
        }
        self.others.get()
    }

    /// The value of `method`, made by `make` from its path if there was none.
    pub(crate) fn of(&self, method: Method, make: impl Fn(&'static str) -> T) -> &T {
        let hash = hash(method);
        for (number, table) in self.tables.iter().enumerate() {
            let slots = table.get_or_init(|| slots(FIRST << number));
            let slot = &slots[hash & (slots.len() - 1)];
            let entry = slot.get_or_init(|| (method, make(method.path())));
            if entry.0 == method {
                return &entry.1;
            }
        }
        self.others.get_or_init(|| make("(other methods)"))
    }

    /// What was made so far.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let tables = self.tables.iter().filter_map(OnceLock::get);
        let slots = tables.flat_map(|slots| slots.iter().filter_map(OnceLock::get));
        slots.map(|(_, value)| value).chain(self.others.get())
    }
}

fn slots<T>(count: usize) -> Box<[OnceLock<T>]> {
    (0..count).map(|_| OnceLock::new()).collect()
}

/// Spreads paths by their length and their last eight bytes, in which methods differ; what falls
/// together is told apart by comparing.
#[inline]
fn hash(method: Method) -> usize {
    let path = method.path().as_bytes();
    let end = match path.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => path.iter().fold(0, |end, byte| end << 8 | u64::from(*byte)),
    };
    let wide = u128::from(end ^ path.len() as u64) * 0x9E37_79B9_7F4A_7C15;
    (wide ^ (wide >> 64)) as usize
}

#[cfg(test)]
mod tests {
    use rzero_core::{Idempotency, Kind};

    use super::*;

    fn method(path: &str) -> Method {
        Method::dynamic(path, Kind::Unary, Idempotency::Unknown).unwrap()
    }

    #[test]
    fn each_method_has_a_value_of_its_own() {
        let table = Table::new();
        let methods: Vec<Method> = (0..500).map(|n| method(&format!("/a.B/M{n}"))).collect();
        for method in &methods {
            assert_eq!(table.get(*method), None);
            assert_eq!(*table.of(*method, str::to_owned), method.path());
            assert_eq!(table.get(*method).unwrap(), method.path());
        }
        // A second description of the same method finds the same value.
        let again = method("/a.B/M7");
        assert_eq!(*table.of(again, |_| unreachable!()), "/a.B/M7");
        assert_eq!(table.iter().count(), 500);
    }

    #[test]
    fn methods_without_end_share_one_value() {
        let table = Table::new();
        for n in 0..4000 {
            table.of(method(&format!("/a.B/Made{n}")), str::to_owned);
        }
        assert!(table.iter().count() <= FIRST * ((1 << TABLES) - 1) + 1);
        assert!(table.iter().any(|value| value == "(other methods)"));
    }
}
