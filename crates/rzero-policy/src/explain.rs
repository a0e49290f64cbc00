//! Effective values and where each comes from.

use std::collections::BTreeMap;
use std::fmt;

use rzero_config::{Origin, Section};
use serde::Serialize;
use serde_json::Value;

use crate::keys::{CAPS_OF_TARGETS, OF_CLIENTS, OF_SERVERS, OF_TARGETS, Values};
use crate::read::ServerKeys;
use crate::rule::Rule;
use crate::{Policies, Scope, Side};

/// One effective value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The key below `policy`, such as `breaker.k`.
    pub key: String,
    /// The value in TOML's notation; `none` where there is none.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where an effective value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody wrote it: the built-in default.
    BuiltIn,
    /// It is written in `[policy]`.
    Table(Origin),
    /// It is written in a rule.
    Rule {
        /// Which one of `[[policy.rule]]`, counted from 1.
        number: usize,
        /// Where.
        origin: Origin,
    },
}

impl Source {
    /// Where it is written; `None` for built-in defaults.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::BuiltIn => None,
            Self::Table(origin) | Self::Rule { origin, .. } => Some(origin),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Table(origin) => write!(f, "{origin}"),
            Self::Rule { number, origin } => write!(f, "{origin} (rule {number})"),
        }
    }
}

impl Policies {
    /// Every value that holds for the method at `path`, ordered by key.
    #[must_use]
    pub fn explain(&self, side: Side, scope: Scope<'_>, path: &str) -> Vec<Setting> {
        let made = |values: &Values| values.method(side).map(drop);
        let ((), values, rules) = self.resolve(side, scope, Some(path), made);
        let mut flat = flatten(&values);
        let enabled = values.breaker.enabled(side).to_string();
        flat.insert("breaker.enabled".to_owned(), enabled);
        let others = match side {
            Side::Server => OF_CLIENTS,
            Side::Client => OF_SERVERS,
        };
        let here = |key: &str| {
            let top = key.split('.').next().unwrap_or(key);
            !others.contains(&top) && !OF_TARGETS.contains(&top) && !CAPS_OF_TARGETS.contains(&key)
        };
        self.sources(flat, &rules, here)
    }

    /// Every value that holds for all calls to `target`, ordered by key.
    #[must_use]
    pub fn explain_target(&self, target: &str) -> Vec<Setting> {
        let made = |values: &Values| values.target().map(drop);
        let scope = Scope::Target(target);
        let ((), values, rules) = self.resolve(Side::Client, scope, None, made);
        let here = |key: &str| {
            let top = key.split('.').next().unwrap_or(key);
            top == "off" || OF_TARGETS.contains(&top) || CAPS_OF_TARGETS.contains(&key)
        };
        self.sources(flatten(&values), &rules, here)
    }

    /// Every value that holds for the whole server, ordered by key; rate limits and bulkheads as
    /// far as they are written.
    #[must_use]
    pub fn explain_server(&self) -> Vec<Setting> {
        let inner = self.inner();
        let flat = flatten(&inner.server_written);
        let setting = |(key, value): (String, String)| {
            let source = table_source(&inner.written, &key);
            Setting { key, value, source }
        };
        let mut settings: Vec<Setting> = flat.into_iter().map(setting).collect();
        for line in inner.written.explain() {
            let key = line.key.strip_prefix("policy.").unwrap_or(&line.key);
            if key.starts_with("rate[") || key.starts_with("bulkhead.") {
                settings.push(Setting {
                    key: key.to_owned(),
                    value: line.value,
                    source: Source::Table(line.origin),
                });
            }
        }
        settings
    }

    fn sources(
        &self,
        flat: BTreeMap<String, String>,
        rules: &[&Rule],
        here: impl Fn(&str) -> bool,
    ) -> Vec<Setting> {
        let here = flat.into_iter().filter(|(key, _)| here(key));
        let with_source = here.map(|(key, value)| {
            let rule = rules.iter().rev().find_map(|rule| {
                let origin = rule.values.origin(&key)?.clone();
                let number = rule.index + 1;
                Some(Source::Rule { number, origin })
            });
            let source = rule.unwrap_or_else(|| table_source(&self.inner().base, &key));
            Setting { key, value, source }
        });
        with_source.collect()
    }
}

fn table_source(table: &Section, key: &str) -> Source {
    let origin = table.origin(key).cloned();
    origin.map_or(Source::BuiltIn, Source::Table)
}

/// The built-in default of every key of `[policy]` that has one.
pub(crate) fn builtin() -> BTreeMap<String, String> {
    let mut all = flatten(&Values::default());
    all.insert("breaker.enabled".to_owned(), "true".to_owned());
    all.append(&mut flatten(&ServerKeys::default()));
    all
}

/// Every leaf of a table in TOML's notation, by key.
pub(crate) fn flatten(table: &impl Serialize) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let tree = serde_json::to_value(table).expect("tables of plain values can be written");
    flatten_into(&mut out, String::new(), &tree);
    out
}

fn flatten_into(out: &mut BTreeMap<String, String>, key: String, value: &Value) {
    let Value::Object(table) = value else {
        out.insert(key, shown(value));
        return;
    };
    for (name, value) in table {
        let key = match key.as_str() {
            "" => name.clone(),
            outer => format!("{outer}.{name}"),
        };
        flatten_into(out, key, value);
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        // Texts, numbers and booleans look the same in TOML.
        other => other.to_string(),
    }
}
