//! Patterns of names.

/// Whether `pattern` fits the whole of `text`. A `*` stands for any text, also none, dots and
/// slashes too; everything else stands for itself. Allocates nothing.
///
/// ```
/// # use rzero_core::glob;
/// assert!(glob("spiffe://prod/*/orders", "spiffe://prod/shop/orders"));
/// assert!(!glob("spiffe://prod/*", "spiffe://test/shop"));
/// ```
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        // The first place is the best one: it leaves most to the parts behind.
        let Some(at) = text.find(part) else {
            return false;
        };
        text = &text[at + part.len()..];
    }
    text.ends_with(tail)
}

/// Whether `pattern` fits the path of a method, `/package.Service/Method`: a [`glob`] in which
/// the first slash of either may be left out.
#[must_use]
pub fn glob_method(pattern: &str, path: &str) -> bool {
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    glob(pattern, path.strip_prefix('/').unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for pattern in ["*", "a.b/c", "a.*", "*c", "**", "a*b*c", "*.*/*", "a.b/c*"] {
            assert!(glob(pattern, "a.b/c"), "{pattern}");
        }
        for pattern in ["", "a.b", "b*", "*b", "a*c*c", "a.b/c*c", "A*"] {
            assert!(!glob(pattern, "a.b/c"), "{pattern}");
        }
    }

    #[test]
    fn text_is_not_used_twice() {
        assert!(!glob("ab*ba", "aba"));
        assert!(glob("ab*ba", "abba"));
        assert!(!glob("*ab*ab", "ab"));
    }

    #[test]
    fn the_first_slash_of_a_path_may_be_left_out() {
        for pattern in ["/shop.Orders/*", "shop.Orders/Get", "*"] {
            assert!(glob_method(pattern, "/shop.Orders/Get"), "{pattern}");
        }
        assert!(!glob_method("/Orders/*", "/shop.Orders/Get"));
    }
}
