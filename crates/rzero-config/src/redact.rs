//! What must not be printed.

use std::borrow::Cow;

use crate::node::{KeyPath, Segment};

/// What is printed in place of a secret.
pub(crate) const MASK: &str = "***";

/// Whether a key, or a section it lies in, is named like a secret. Prints too little rather than
/// too much.
pub(crate) fn is_secret_path(path: &KeyPath) -> bool {
    path.0
        .iter()
        .any(|segment| matches!(segment, Segment::Key(key) if is_secret_name(key)))
}

fn is_secret_name(key: &str) -> bool {
    const PARTS: [&str; 7] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "credential",
        "apikey",
        "privatekey",
    ];
    const ENDS: [&str; 4] = ["token", "tokens", "key", "keys"];
    let plain = key.to_lowercase().replace('-', "_");
    let joined = plain.replace('_', "");
    let last = plain.rsplit('_').next().unwrap_or_default();
    PARTS.iter().any(|part| joined.contains(part))
        || ENDS.contains(&last)
        || joined.ends_with("token")
}

/// Masks the password of `scheme://user:password@host`.
pub(crate) fn mask_url(text: &str) -> Cow<'_, str> {
    let Some(start) = text.find("://").map(|at| at + 3) else {
        return Cow::Borrowed(text);
    };
    let authority_len = text[start..]
        .find(['/', '?', '#'])
        .unwrap_or(text.len() - start);
    // The last `@` ends the user part: a password may contain one itself.
    let Some(at) = text[start..start + authority_len].rfind('@') else {
        return Cow::Borrowed(text);
    };
    match text[start..start + at].find(':') {
        Some(colon) => Cow::Owned(format!(
            "{}{MASK}{}",
            &text[..start + colon + 1],
            &text[start + at..]
        )),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_looking_names_are_secret() {
        for name in [
            "password",
            "db_password",
            "token",
            "admin_token",
            "accessToken",
            "client_secret",
            "private_key",
            "api-key",
            "key",
            "credentials",
            "tls_key",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "listen",
            "token_bucket",
            "key_file",
            "timeout",
            "keyspace",
            "hash_keys_max",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn url_passwords_are_masked() {
        for (text, printed) in [
            ("redis://u:p@ss@h:1/0", "redis://u:***@h:1/0"),
            ("redis://:pass@h", "redis://:***@h"),
            ("http://h:80/a@b", "http://h:80/a@b"),
            ("mailto:a@b", "mailto:a@b"),
            ("redis://user@h", "redis://user@h"),
        ] {
            assert_eq!(mask_url(text), printed);
        }
    }
}
