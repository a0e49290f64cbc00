//! Patterns of method paths.

pub(super) use rzero_core::glob_method as matches;

/// Says what is wrong with a pattern.
pub(super) fn validate(pattern: &str) -> Result<(), String> {
    let bare = pattern.strip_prefix('/').unwrap_or(pattern);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'*');
    if bare.is_empty() || !bare.bytes().all(allowed) {
        return Err(format!(
            "methods: `{pattern}` is no pattern of methods; write `*`, `package.Service/*` or \
             `/package.Service/Method`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        let path = "/shop.Orders/GetOne";
        for pattern in [
            "*",
            "/shop.Orders/GetOne",
            "shop.Orders/GetOne",
            "/shop.Orders/*",
            "shop.*/Get*",
            "*/GetOne",
            "*Orders*One",
            "**",
            "*shop*",
        ] {
            assert!(matches(pattern, path), "{pattern}");
        }
        for pattern in [
            "",
            "shop.Orders",
            "*/Get",
            "shop.*/Put*",
            "/*One*One",
            "shop.Orders/GetOne/*",
        ] {
            assert!(!matches(pattern, path), "{pattern}");
        }
    }

    #[test]
    fn patterns_with_strange_characters_are_refused() {
        assert!(validate("shop.Orders/*").is_ok());
        assert!(validate("").unwrap_err().starts_with("methods:"));
        assert!(validate("shop.Orders/[ab]").is_err());
    }
}
