//! Which fields make a valid message (RFC 9113 section 8).

use crate::hpack::Field;

/// What a header block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// The head of a request.
    Request,
    /// The head of an answer.
    Answer,
    /// The fields behind the content.
    Trailers,
}

/// Pseudo fields that were seen.
mod seen {
    pub(super) const METHOD: u8 = 1;
    pub(super) const SCHEME: u8 = 2;
    pub(super) const PATH: u8 = 4;
    pub(super) const AUTHORITY: u8 = 8;
    pub(super) const STATUS: u8 = 16;
}

/// Checks the fields of one block in order.
#[derive(Debug)]
pub(super) struct FieldCheck {
    section: Section,
    /// Pseudo fields, as bits.
    seen: u8,
    is_connect: bool,
    has_regular: bool,
    length: Option<u64>,
    status: u16,
    broken: Option<&'static str>,
    is_well_formed: bool,
}

type Checked = Result<(), &'static str>;

impl FieldCheck {
    pub(super) const fn new(section: Section) -> Self {
        Self {
            section,
            seen: 0,
            is_connect: false,
            has_regular: false,
            length: None,
            status: 0,
            broken: None,
            is_well_formed: false,
        }
    }

    pub(super) const fn section(&self) -> Section {
        self.section
    }

    /// Checks the next field, of whose texts it may be known that they have no forbidden
    /// characters. Whether it and all before are valid.
    #[inline]
    pub(super) fn accept(&mut self, field: &Field<'_>, is_well_formed: bool) -> bool {
        self.is_well_formed = is_well_formed;
        if self.broken.is_none()
            && let Err(rule) = self.field(field)
        {
            self.broken = Some(rule);
        }
        self.broken.is_none()
    }

    /// Whether the texts of the last field are known to have no forbidden characters.
    pub(super) const fn is_well_formed(&self) -> bool {
        self.is_well_formed
    }

    /// Checks that the block was complete.
    pub(super) fn complete(&self) -> Checked {
        if let Some(rule) = self.broken {
            return Err(rule);
        }
        let needed = match self.section {
            Section::Trailers => return Ok(()),
            Section::Answer => seen::STATUS,
            Section::Request if self.is_connect => {
                if self.seen & (seen::SCHEME | seen::PATH) != 0 {
                    return Err("CONNECT with :scheme or :path");
                }
                seen::METHOD | seen::AUTHORITY
            }
            Section::Request => seen::METHOD | seen::SCHEME | seen::PATH,
        };
        if self.seen & needed != needed {
            return Err("a pseudo field is missing");
        }
        Ok(())
    }

    /// The content length, where one was told.
    pub(super) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether the answer is an informational one, before the real one.
    pub(super) const fn is_informational(&self) -> bool {
        self.status >= 100 && self.status < 200
    }

    #[inline]
    fn field(&mut self, field: &Field<'_>) -> Checked {
        if !self.is_well_formed {
            check_characters(field)?;
            self.is_well_formed = true;
        }
        if let [b':', name @ ..] = field.name {
            return self.pseudo(name, field.value);
        }
        self.has_regular = true;
        self.regular(field)
    }

    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> Checked {
        if self.has_regular {
            return Err("a pseudo field follows another field");
        }
        let bit = match (self.section, name) {
            (Section::Request, b"method") => {
                self.is_connect = value == b"CONNECT";
                if !is_token(value) {
                    return Err(":method is no token");
                }
                seen::METHOD
            }
            (Section::Request, b"scheme") => seen::SCHEME,
            (Section::Request, b"path") if value.is_empty() => return Err(":path is empty"),
            (Section::Request, b"path") => seen::PATH,
            (Section::Request, b"authority") => seen::AUTHORITY,
            (Section::Answer, b"status") => {
                self.status = status(value).ok_or(":status is no status")?;
                seen::STATUS
            }
            (Section::Trailers, _) => return Err("trailers have a pseudo field"),
            _ => return Err("an unknown pseudo field"),
        };
        if self.seen & bit != 0 {
            return Err("a pseudo field comes twice");
        }
        self.seen |= bit;
        Ok(())
    }

    /// Fields with a meaning for the connection (RFC 9113 section 8.2.2) or the message's length.
    fn regular(&mut self, field: &Field<'_>) -> Checked {
        match (field.name.len(), field.name) {
            (2, b"te") if field.value.eq_ignore_ascii_case(b"trailers") => {}
            (2, b"te") => return Err("te is not trailers"),
            (14, b"content-length") => {
                let length = length(field.value).ok_or("content-length is no length")?;
                if self.length.is_some_and(|other| other != length) {
                    return Err("content-length comes twice");
                }
                self.length = Some(length);
            }
            (7, b"upgrade")
            | (10, b"connection" | b"keep-alive")
            | (16, b"proxy-connection")
            | (17, b"transfer-encoding") => return Err("a field of the connection"),
            _ => {}
        }
        Ok(())
    }
}

fn check_characters(field: &Field<'_>) -> Checked {
    if !is_value(field.value) {
        return Err("a field's value has a forbidden character");
    }
    // Pseudo fields are compared with those that are known.
    if !field.name.starts_with(b":") && !is_name(field.name) {
        return Err("a field's name has a forbidden character");
    }
    Ok(())
}

fn status(value: &[u8]) -> Option<u16> {
    let [
        hundreds @ b'1'..=b'9',
        tens @ b'0'..=b'9',
        ones @ b'0'..=b'9',
    ] = value
    else {
        return None;
    };
    let digit = |byte: &u8| u16::from(byte - b'0');
    let status = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
    // RFC 9113 section 8.6: there are no upgrades.
    (status != 101).then_some(status)
}

fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

/// RFC 9110 section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Which bytes a name may have: those of tokens, but no upper case.
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = is_token_byte(byte) && !byte.is_ascii_uppercase();
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| NAME_BYTES[usize::from(*byte)])
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// RFC 9110 section 5.5: visible characters, spaces and tabs, and anything above ASCII. White space
/// at either end is let through: texts of gRPC statuses have it.
fn is_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = ":method POST|:scheme http|:path /a.B/C";

    fn check(section: Section, fields: &str) -> Result<FieldCheck, &'static str> {
        let mut check = FieldCheck::new(section);
        for field in fields.split('|').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once(' ').unwrap();
            let value = value
                .replace('␀', "\0")
                .replace('␊', "\n")
                .replace('␍', "\r");
            let field = Field {
                name: name.as_bytes(),
                value: value.as_bytes(),
                never_indexed: false,
            };
            check.accept(&field, false);
        }
        check.complete().map(|()| check)
    }

    fn assert_broken(section: Section, cases: &[(&str, &str)]) {
        for (fields, rule) in cases {
            assert_eq!(check(section, fields).err(), Some(*rule), "{fields}");
        }
    }

    #[test]
    fn whole_messages_are_valid() {
        for fields in [
            ":path /|:scheme https|:method GET|:authority me:1",
            ":method POST|:scheme http|:path *|te trailers|a |b-_.~ \t\u{e9} !",
            ":method CONNECT|:authority me:1",
            ":method POST|:scheme http|:path /|content-length 12|content-length 12",
        ] {
            assert!(check(Section::Request, fields).is_ok(), "{fields}");
        }
        assert!(check(Section::Answer, ":status 200|te Trailers").is_ok());
        assert!(check(Section::Trailers, "grpc-status 0").is_ok());
        assert!(check(Section::Trailers, "").is_ok());
    }

    #[test]
    fn pseudo_fields_come_first_once_known_and_complete() {
        assert_broken(
            Section::Request,
            &[
                (":method POST|:scheme http", "a pseudo field is missing"),
                (":method POST|:path /", "a pseudo field is missing"),
                (":scheme http|:path /", "a pseudo field is missing"),
                ("", "a pseudo field is missing"),
                (":method CONNECT", "a pseudo field is missing"),
                (
                    ":method CONNECT|:authority a|:path /",
                    "CONNECT with :scheme or :path",
                ),
                (":method POST|:scheme http|:path ", ":path is empty"),
                (
                    ":method POST|:method POST|:scheme http|:path /",
                    "a pseudo field comes twice",
                ),
                (
                    ":method POST|a b|:scheme http|:path /",
                    "a pseudo field follows another field",
                ),
                (
                    ":method POST|:scheme http|:path /|:status 200",
                    "an unknown pseudo field",
                ),
                (
                    ":method POST|:scheme http|:path /|:protocol x",
                    "an unknown pseudo field",
                ),
                (":method |:scheme http|:path /", ":method is no token"),
                (": |:scheme http", "an unknown pseudo field"),
            ],
        );
        assert_broken(
            Section::Answer,
            &[
                ("a b", "a pseudo field is missing"),
                (":status 200|:status 200", "a pseudo field comes twice"),
                (":status 200|:path /", "an unknown pseudo field"),
                (":status 20", ":status is no status"),
                (":status 2000", ":status is no status"),
                (":status 099", ":status is no status"),
                (":status 101", ":status is no status"),
                (":status 2x0", ":status is no status"),
            ],
        );
        assert_broken(
            Section::Trailers,
            &[
                (":status 200", "trailers have a pseudo field"),
                ("a b|:path /", "a pseudo field follows another field"),
            ],
        );
    }

    #[test]
    fn forbidden_fields_are_refused() {
        for (field, rule) in [
            ("A b", "a field's name has a forbidden character"),
            ("a:b c", "a field's name has a forbidden character"),
            ("a\u{e9} c", "a field's name has a forbidden character"),
            (" c", "a field's name has a forbidden character"),
            ("a x␀", "a field's value has a forbidden character"),
            ("a x␊y", "a field's value has a forbidden character"),
            ("a ␍", "a field's value has a forbidden character"),
            ("a \u{7f}", "a field's value has a forbidden character"),
            ("te gzip", "te is not trailers"),
            ("te trailers, gzip", "te is not trailers"),
            ("connection x", "a field of the connection"),
            ("keep-alive x", "a field of the connection"),
            ("proxy-connection x", "a field of the connection"),
            ("transfer-encoding chunked", "a field of the connection"),
            ("upgrade x", "a field of the connection"),
            ("content-length ", "content-length is no length"),
            ("content-length +1", "content-length is no length"),
            ("content-length 1x", "content-length is no length"),
            (
                "content-length 99999999999999999999",
                "content-length is no length",
            ),
            (
                "content-length 1|content-length 2",
                "content-length comes twice",
            ),
        ] {
            assert_broken(Section::Request, &[(&format!("{REQUEST}|{field}"), rule)]);
            assert_broken(Section::Answer, &[(&format!(":status 200|{field}"), rule)]);
            assert_broken(Section::Trailers, &[(field, rule)]);
        }
    }

    #[test]
    fn informational_answers_are_told_apart() {
        for (status, is_informational) in [("100", true), ("103", true), ("200", false)] {
            let check = check(Section::Answer, &format!(":status {status}")).unwrap();
            assert_eq!(check.is_informational(), is_informational);
        }
    }

    #[test]
    fn only_valid_fields_are_accepted_and_nothing_behind_a_broken_one() {
        let mut check = FieldCheck::new(Section::Trailers);
        let field = |name| Field {
            name,
            value: b"x",
            never_indexed: false,
        };
        assert!(check.accept(&field(b"a"), false));
        assert!(!check.accept(&field(b"A"), false));
        assert!(!check.accept(&field(b"b"), false));
    }
}
