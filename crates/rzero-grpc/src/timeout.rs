//! The `grpc-timeout` header: at most eight digits and a unit.

use std::time::Duration;

const DIGITS_MAX: u64 = 99_999_999;
const LEN_MAX: usize = 9;

/// The text of a timeout, without a heap.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; LEN_MAX],
    begin: usize,
}

impl Text {
    /// The largest exact unit that fits in eight digits, else the finest one that fits; rounded
    /// down.
    pub(crate) fn new(timeout: Duration) -> Self {
        // Up to a day the finest fit is found in 64 bits; what is longer needs no nanoseconds.
        let (ticks, units): (u64, &[(u64, u8)]) = match u64::try_from(timeout.as_nanos()) {
            Ok(nanos) => (nanos, &NANOS),
            Err(_) => (timeout.as_secs(), &SECONDS),
        };
        let fits = |(unit, _): &&(u64, u8)| ticks / unit <= DIGITS_MAX;
        let exact = units
            .iter()
            .filter(fits)
            .find(|(unit, _)| ticks.is_multiple_of(*unit));
        match exact.or_else(|| units.iter().rfind(fits)) {
            Some((unit, letter)) => Self::of(ticks / unit, *letter),
            None => Self::of(DIGITS_MAX, b'H'),
        }
    }

    fn of(mut number: u64, letter: u8) -> Self {
        let mut bytes = [0; LEN_MAX];
        let mut begin = LEN_MAX - 1;
        bytes[begin] = letter;
        loop {
            begin -= 1;
            bytes[begin] = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
            number /= 10;
            if number == 0 || begin == 0 {
                return Self { bytes, begin };
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }
}

const NANOS: [(u64, u8); 6] = [
    (3_600_000_000_000, b'H'),
    (60_000_000_000, b'M'),
    (1_000_000_000, b'S'),
    (1_000_000, b'm'),
    (1_000, b'u'),
    (1, b'n'),
];
const SECONDS: [(u64, u8); 3] = [(3_600, b'H'), (60, b'M'), (1, b'S')];

/// The timeout in a header; `None` when it is not one.
pub(crate) fn parse(text: impl AsRef<[u8]>) -> Option<Duration> {
    let (unit, digits) = text.as_ref().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(value * 3600),
        b'M' => Duration::from_secs(value * 60),
        b'S' => Duration::from_secs(value),
        b'm' => Duration::from_millis(value),
        b'u' => Duration::from_micros(value),
        b'n' => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn format(timeout: Duration) -> String {
        String::from_utf8(Text::new(timeout).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn units_are_the_largest_exact_ones() {
        for (millis, text) in [
            (2000, "2S"),
            (1500, "1500m"),
            (60_000, "1M"),
            (7_200_000, "2H"),
        ] {
            assert_eq!(format(Duration::from_millis(millis)), text);
        }
        assert_eq!(format(Duration::ZERO), "0H");
        assert_eq!(format(Duration::MAX), "99999999H");
        assert_eq!(format(Duration::from_secs(1 << 35)), "9544371H");
        assert_eq!(format(Duration::from_nanos(123_456_789)), "123456u");
    }

    #[test]
    fn nonsense_is_no_timeout() {
        for text in ["", "S", "1", "1s", "-1S", "123456789S", "1.5S", "１S"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn formatted_timeouts_are_rounded_down(nanos in 0u64..u64::MAX) {
            let timeout = Duration::from_nanos(nanos);
            let text = format(timeout);
            prop_assert!(text.len() <= 9);
            let parsed = parse(&text).unwrap();
            prop_assert!(parsed <= timeout);
            prop_assert!(timeout - parsed <= timeout / 10_000);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
