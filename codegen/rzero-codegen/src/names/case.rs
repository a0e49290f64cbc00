//! Rust spellings of contract names, the same as the message generator's.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// Words that are identifiers only when written raw.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
    "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Words that cannot be written raw either; they get an underscore behind them.
const NEVER_RAW: &[&str] = &["_", "Self", "crate", "extern", "self", "super"];

/// Names of primitive types: a module of such a name hides the type from its neighbours.
const PRIMITIVES: &[&str] = &[
    "bool", "char", "f128", "f16", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str",
    "u128", "u16", "u32", "u64", "u8", "usize",
];

/// Makes a word a Rust identifier.
pub(crate) fn sanitize(word: &str) -> String {
    if KEYWORDS.contains(&word) {
        format!("r#{word}")
    } else if NEVER_RAW.contains(&word) {
        format!("{word}_")
    } else if word.starts_with(char::is_numeric) {
        format!("_{word}")
    } else {
        word.to_owned()
    }
}

/// The identifier of a field, method or module.
pub(crate) fn snake(name: &str) -> String {
    sanitize(&name.to_snake_case())
}

/// The identifier of a type or variant.
pub(crate) fn camel(name: &str) -> String {
    sanitize(&name.to_upper_camel_case())
}

/// The variant of an enum value: without the enum's name in front of it.
pub(crate) fn variant(enum_type: &str, value: &str) -> String {
    let value = camel(value);
    match value.strip_prefix(enum_type) {
        Some(rest) if rest.starts_with(char::is_uppercase) => sanitize(rest),
        _ => sanitize(&value),
    }
}

pub(crate) fn is_primitive(name: &str) -> bool {
    PRIMITIVES.contains(&name)
}

/// The identifier without its raw mark.
pub(crate) fn plain(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// `name` itself when it fits, else the first of `name_suffix`, `name_suffix_2`, ... that does.
pub(crate) fn choose(name: &str, suffix: &str, mut fits: impl FnMut(&str) -> bool) -> String {
    if fits(name) {
        return name.to_owned();
    }
    let first = format!("{name}_{suffix}");
    if fits(&first) {
        return first;
    }
    let mut number = 2u32;
    loop {
        let candidate = format!("{first}_{number}");
        if fits(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_raw_or_get_an_underscore() {
        assert_eq!(snake("Type"), "r#type");
        assert_eq!(snake("Self"), "self_");
        assert_eq!(camel("self"), "Self_");
        assert_eq!(snake("2fa"), "_2fa");
    }

    #[test]
    fn enum_name_is_stripped_only_as_a_word() {
        assert_eq!(variant("Color", "COLOR_RED"), "Red");
        assert_eq!(variant("Color", "COLORED"), "Colored");
        assert_eq!(variant("Version", "VERSION_1"), "Version1");
    }

    #[test]
    fn first_free_candidate_is_chosen() {
        let taken = ["a", "a_field"];
        assert_eq!(
            choose("a", "field", |name| !taken.contains(&name)),
            "a_field_2"
        );
    }
}
