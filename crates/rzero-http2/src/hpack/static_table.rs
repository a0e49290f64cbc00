//! The fields that both sides know from the start (RFC 7541 appendix A).

/// How many fields the static table has; dynamic indices follow.
pub(super) const LEN: usize = FIELDS.len();

/// Fields whose name begins with a colon come first.
const PSEUDO_FIELDS: usize = 14;

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
pub(super) fn get(index: usize) -> Option<(&'static [u8], &'static [u8])> {
    let (name, value) = FIELDS.get(index.checked_sub(1)?)?;
    Some((name.as_bytes(), value.as_bytes()))
}

/// The best entry for a field.
pub(super) fn find(name: &[u8], value: &[u8]) -> Option<Match> {
    let (fields, before) = if name.first() == Some(&b':') {
        (&FIELDS[..PSEUDO_FIELDS], 0)
    } else {
        (&FIELDS[PSEUDO_FIELDS..], PSEUDO_FIELDS)
    };
    // Entries of one name are neighbours.
    let first = fields.iter().position(|(n, _)| n.as_bytes() == name)?;
    let same_name = fields[first..]
        .iter()
        .take_while(|(n, _)| n.as_bytes() == name);
    for (at, (_, known)) in same_name.enumerate() {
        if known.as_bytes() == value {
            return Some(Match::Field(before + first + at + 1));
        }
    }
    Some(Match::Name(before + first + 1))
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
