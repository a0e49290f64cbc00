//! What differs between two tables, for the log.

use std::collections::BTreeMap;
use std::fmt;

use rzero_config::Section;

use crate::explain::builtin;
use crate::policies::Inner;

/// One value that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The full key; a rule is named by what it matches:
    /// `policy.rule{method="shop.Orders/*"}.timeout`.
    pub key: String,
    /// What it was, in TOML's notation; a built-in default says so.
    pub old: String,
    /// What it is.
    pub new: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.old, self.new)
    }
}

pub(crate) fn between(old: &Inner, new: &Inner) -> Vec<Change> {
    let (before, after) = (written(old), written(new));
    let defaults = builtin();
    let unset = |key: &str| {
        let key = key.strip_prefix("policy.").unwrap_or(key);
        match defaults.get(key) {
            Some(value) => format!("{value} (built-in)"),
            None => "not set".to_owned(),
        }
    };
    let value = |table: &BTreeMap<String, String>, key: &str| {
        table.get(key).cloned().unwrap_or_else(|| unset(key))
    };
    let added = after.keys().filter(|key| !before.contains_key(*key));
    let mut keys: Vec<&String> = before.keys().chain(added).collect();
    keys.sort_unstable();
    let mut changes: Vec<Change> = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Change {
            key: key.clone(),
            old: value(&before, key),
            new: value(&after, key),
        })
        .collect();
    let (old, new) = (order(old), order(new));
    if changes.is_empty() && old != new {
        changes.push(Change {
            key: "policy.rule".to_owned(),
            old: old.join(", "),
            new: new.join(", "),
        });
    }
    changes
}

/// Everything that is written, by key.
fn written(inner: &Inner) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let plain = inner.written.explain().into_iter();
    all.extend(
        plain
            .filter(|line| !line.key.starts_with("policy.rule["))
            .map(|line| (line.key, line.value)),
    );
    for (name, rule) in order(inner).iter().zip(&inner.rules) {
        all.extend(below(name, &rule.values));
    }
    all
}

fn below(name: &str, section: &Section) -> impl Iterator<Item = (String, String)> {
    let prefix = section.key();
    section.explain().into_iter().map(move |line| {
        let key = line.key.strip_prefix(&prefix).unwrap_or(&line.key);
        (format!("{name}{key}"), line.value)
    })
}

/// The rules by name, in order; the second one that matches the same is named `#2`.
fn order(inner: &Inner) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let named = inner.rules.iter().map(|rule| {
        let matches = rule.matches.to_string();
        let count = seen.entry(matches.clone()).or_default();
        *count += 1;
        match *count {
            1 => format!("policy.rule{matches}"),
            more => format!("policy.rule{matches}#{more}"),
        }
    });
    named.collect()
}
