//! The fields that both sides know from the start (RFC 7541 appendix A).

/// How many fields the static table has; dynamic indices follow.
pub(super) const LEN: usize = FIELDS.len();

/// Index 1 is the first.
const FIELDS: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// How much of a field a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// Name and value, at this index.
    Field(usize),
    /// The name, at this index.
    Name(usize),
}

/// The field at `index`, which counts from 1.
#[inline]
pub(super) fn get(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    let (name, value) = FIELDS.get(index.checked_sub(1)?)?;
    Some((name.as_bytes(), value.as_bytes()))
}

/// The first index of each name by the name's length; 0 fills up.
const FIRST_BY_LEN: [[usize; NAMES_PER_LEN]; NAME_LEN_MAX + 1] = {
    let mut table = [[0; NAMES_PER_LEN]; NAME_LEN_MAX + 1];
    let mut at = 0;
    while at < LEN {
        let name = FIELDS[at].0.as_bytes();
        // Entries of one name are neighbours.
        if at == 0 || !is_same(name, FIELDS[at - 1].0.as_bytes()) {
            let row = &mut table[name.len()];
            let mut column = 0;
            while row[column] != 0 {
                column += 1;
            }
            row[column] = at + 1;
        }
        at += 1;
    }
    table
};

/// The longest name: `access-control-allow-origin`.
const NAME_LEN_MAX: usize = 27;

/// The most names of one length.
const NAMES_PER_LEN: usize = 6;

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The best entry for a field.
pub(super) fn find(name: &[u8], value: &[u8]) -> Option<Match> {
    let row = FIRST_BY_LEN.get(name.len())?;
    let mut firsts = row.iter().copied();
    let first = firsts.find(|index| get(*index).is_some_and(|(known, _)| known == name))?;
    let same_name = FIELDS[first - 1..]
        .iter()
        .take_while(|(known, _)| known.as_bytes() == name);
    for (at, (_, known)) in same_name.enumerate() {
        if known.as_bytes() == value {
            return Some(Match::Field(first + at));
        }
    }
    Some(Match::Name(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_at_its_index() {
        for index in 1..=LEN {
            let (name, value) = get(index).unwrap();
            assert_eq!(find(name, value), Some(Match::Field(index)));
        }
        assert_eq!((get(0), get(LEN + 1)), (None, None));
    }

    #[test]
    fn known_name_with_another_value_gives_the_first_entry() {
        assert_eq!(find(b":status", b"302"), Some(Match::Name(8)));
        assert_eq!(find(b"date", b"today"), Some(Match::Name(33)));
        assert_eq!(find(b"www-authenticate", b"x"), Some(Match::Name(61)));
        assert_eq!(find(b"grpc-status", b"0"), None);
        assert_eq!(find(b"", b""), None);
    }
}
