//! The `grpc-timeout` header: at most eight digits and a unit.

use std::time::Duration;

const DIGITS_MAX: u128 = 99_999_999;

/// Units from the finest to the coarsest, in nanoseconds.
const UNITS: [(u128, &str); 6] = [
    (1, "n"),
    (1_000, "u"),
    (1_000_000, "m"),
    (1_000_000_000, "S"),
    (60_000_000_000, "M"),
    (3_600_000_000_000, "H"),
];

/// The text of a timeout, in the finest unit that fits, rounded down.
pub(crate) fn format(timeout: Duration) -> String {
    let nanos = timeout.as_nanos();
    let fits = UNITS.iter().find(|(unit, _)| nanos / unit <= DIGITS_MAX);
    match fits {
        Some((unit, letter)) => format!("{}{letter}", nanos / unit),
        None => format!("{DIGITS_MAX}H"),
    }
}

/// The timeout in a header; `None` when it is not one.
pub(crate) fn parse(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
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

    #[test]
    fn nonsense_is_no_timeout() {
        for text in ["", "S", "1", "1s", "-1S", "123456789S", "1.5S"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn formatted_timeouts_are_rounded_down(nanos: u64) {
            let timeout = Duration::from_nanos(nanos);
            let text = format(timeout);
            prop_assert!(text.len() <= 9);
            let parsed = parse(text.as_bytes()).unwrap();
            prop_assert!(parsed <= timeout);
            prop_assert!(timeout - parsed <= timeout / 10_000);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
