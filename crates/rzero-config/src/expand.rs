//! `${NAME}` and `${NAME:default}` inside text values.

use std::collections::BTreeMap;

use crate::error::Problem;
use crate::node::{KeyPath, Node, Segment, Value};

/// Expands every text of the tree. A value that is one placeholder and nothing else loses its
/// type, so that `port = "${PORT:8080}"` can be read as an integer.
pub(crate) fn expand(
    node: &mut Node,
    path: &KeyPath,
    env: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => match expand_text(text, env) {
            Ok((expanded, true)) => node.value = Value::Loose(expanded),
            Ok((expanded, false)) => node.value = Value::Text(expanded),
            Err(Failure { message, help }) => problems.push(
                Problem::new(path.to_string(), message)
                    .with_origin(node.origin.clone())
                    .with_help(help),
            ),
        },
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand(item, &path.with(Segment::Index(index)), env, problems);
            }
        }
        Value::Table(table) => {
            for (key, entry) in table {
                expand(&mut entry.node, &path.key(key), env, problems);
            }
        }
        _ => {}
    }
}

#[derive(Debug)]
struct Failure {
    message: String,
    help: String,
}

/// The expanded text, and whether all of it was a single placeholder.
fn expand_text(text: &str, env: &BTreeMap<String, String>) -> Result<(String, bool), Failure> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut whole = false;
    while let Some(at) = rest.find("${") {
        let before = &rest[..at];
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(before);
        let body = &rest[at + 2..];
        let end = body.find('}').ok_or_else(|| Failure {
            message: "`${` is not closed".into(),
            help: "write `${NAME}`, or `$${` for the text `${`".into(),
        })?;
        out.push_str(&value_of(&body[..end], env)?);
        whole = at == 0 && rest.len() == text.len() && end + 1 == body.len();
        rest = &body[end + 1..];
    }
    out.push_str(rest);
    Ok((out, whole))
}

fn value_of(body: &str, env: &BTreeMap<String, String>) -> Result<String, Failure> {
    let (name, default) = match body.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (body, None),
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Failure {
            message: format!("`{name}` is not the name of a variable"),
            help: "write `${NAME}`, or `$${` for the text `${`".into(),
        });
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(Failure {
            message: format!("the default of `{name}` contains a placeholder"),
            help: "a default is plain text".into(),
        });
    }
    match (env.get(name), default) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Failure {
            message: format!("variable `{name}` is not set"),
            help: format!("set it, or write a default: `${{{name}:…}}`"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> BTreeMap<String, String> {
        BTreeMap::from([("A".into(), "1".into()), ("EMPTY".into(), String::new())])
    }

    #[test]
    fn placeholders_expand_as_listed() {
        for (text, expanded, whole) in [
            ("${A}", "1", true),
            ("${A:2}", "1", true),
            ("${B:2}", "2", true),
            ("${B:http://h:1}", "http://h:1", true),
            ("${B:}", "", true),
            ("${EMPTY:x}", "", true),
            ("x${A}y${B:z}", "x1yz", false),
            ("${A}${A}", "11", false),
            ("$${A}", "${A}", false),
            ("$$${A}", "$${A}", false),
            ("cost $5", "cost $5", false),
        ] {
            assert_eq!(
                expand_text(text, &env()).unwrap(),
                (expanded.into(), whole),
                "{text}"
            );
        }
    }

    #[test]
    fn bad_placeholders_say_what_to_write() {
        for (text, part) in [
            ("${B}", "variable `B` is not set"),
            ("${A", "not closed"),
            ("${a.b}", "not the name of a variable"),
            ("${}", "not the name of a variable"),
            ("${B:${A}}", "contains a placeholder"),
        ] {
            let failure = expand_text(text, &env()).unwrap_err();
            assert!(
                failure.message.contains(part),
                "{text}: {}",
                failure.message
            );
        }
    }
}
