//! The `grpc-timeout` header: at most eight digits and a unit.

use std::time::Duration;

/// The text of a timeout: the largest exact unit that fits in eight digits, rounded down.
pub(crate) fn format(timeout: Duration) -> String {
    const DIGITS_MAX: u128 = 99_999_999;
    let nanos = timeout.as_nanos();
    let units: [(u128, char); 6] = [
        (3_600_000_000_000, 'H'),
        (60_000_000_000, 'M'),
        (1_000_000_000, 'S'),
        (1_000_000, 'm'),
        (1_000, 'u'),
        (1, 'n'),
    ];
    let exact = units
        .iter()
        .find(|(unit, _)| nanos.is_multiple_of(*unit) && nanos / unit <= DIGITS_MAX);
    // No unit is exact: the finest one that fits loses the least.
    let finest = || {
        units
            .iter()
            .rev()
            .find(|(unit, _)| nanos / unit <= DIGITS_MAX)
    };
    match exact.or_else(finest) {
        Some((unit, letter)) => format!("{}{letter}", nanos / unit),
        None => format!("{DIGITS_MAX}H"),
    }
}

/// The timeout in a header; `None` when it is not one.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
