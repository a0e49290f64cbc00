//! The names of limits in Redis.

use std::fmt::Write;

/// Longest text of a key that is kept as it is, in bytes. Longer ones come from outside, and are
/// kept as their hash.
const TEXT_MAX: usize = 128;

/// `rz:lim:<rule>:{<text>}`: in braces, so that a cluster keeps what belongs to one text together.
pub(super) fn limit_key(rule: &str, text: &str) -> String {
    let mut key = String::with_capacity(10 + rule.len() + text.len().min(TEXT_MAX));
    key.push_str("rz:lim:");
    key.push_str(rule);
    key.push_str(":{");
    if text.len() <= TEXT_MAX {
        key.push_str(text);
    } else {
        // Never fails: a string takes all that it is given.
        let _ = write!(key, "#{}", sha1_smol::Sha1::from(text).digest());
    }
    key.push('}');
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_rule_and_text() {
        assert_eq!(limit_key("writes", "ann"), "rz:lim:writes:{ann}");
        assert_eq!(limit_key("all", ""), "rz:lim:all:{}");
    }

    #[test]
    fn long_texts_are_kept_short_and_apart() {
        let long = |last: char| "x".repeat(10_000) + &last.to_string();
        let (a, b) = (limit_key("r", &long('a')), limit_key("r", &long('b')));
        assert!(a.len() < 64 && a != b, "{a} {b}");
        assert_eq!(a, limit_key("r", &long('a')));
    }
}
