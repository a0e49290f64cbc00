//! Patterns of method paths.

/// Whether `pattern` fits `path` (`/package.Service/Method`). `*` stands for any text, slashes
/// too; a pattern may leave out the first slash. Allocates nothing.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(mut path) = path.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        // The first place is the best one: it leaves most to the parts behind.
        let Some(at) = path.find(part) else {
            return false;
        };
        path = &path[at + part.len()..];
    }
    path.ends_with(tail)
}

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
