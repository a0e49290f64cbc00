//! From the text of one layer to a tree with positions.

mod json;
mod lines;
mod toml;
mod yaml;

use std::path::Path;

use crate::error::Problem;
use crate::node::{Node, Value};
use crate::origin::{Origin, SourceName};

/// How a configuration text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// TOML 1.0 (`.toml`).
    Toml,
    /// YAML 1.2, one document (`.yaml`, `.yml`).
    Yaml,
    /// JSON (`.json`).
    Json,
}

impl Format {
    /// The format that belongs to the suffix of `path`.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The format of a text without a name, by its first line that is neither empty nor a
    /// comment: JSON begins with `{`; TOML with a `[section]`, or with a key followed by `=`;
    /// all else is YAML. A text without such a line is empty TOML.
    ///
    /// ```
    /// # use rzero_config::Format;
    /// assert_eq!(Format::sniff("# limits\nmax = 3"), Format::Toml);
    /// assert_eq!(Format::sniff("url: http://h?a=b"), Format::Yaml);
    /// assert_eq!(Format::sniff("{\"max\": 3}"), Format::Json);
    /// ```
    #[must_use]
    pub fn sniff(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().map(str::trim);
        let Some(line) = lines.find(|line| !line.is_empty() && !line.starts_with('#')) else {
            return Self::Toml;
        };
        match line.find(['=', ':']).map(|at| line.as_bytes()[at]) {
            _ if line.starts_with('{') => Self::Json,
            _ if line.starts_with('[') => Self::Toml,
            Some(b'=') => Self::Toml,
            _ => Self::Yaml,
        }
    }
}

/// Parses `text`; the top level is always a table.
pub(crate) fn parse(text: &str, format: Format, source: &SourceName) -> Result<Node, Problem> {
    // Editors on Windows write a byte order mark, which is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = match format {
        Format::Toml => toml::parse(text, source),
        Format::Yaml => yaml::parse(text, source),
        Format::Json => json::parse(text, source),
    }?;
    match node.value {
        Value::Table(_) => Ok(node),
        Value::Null => Ok(Node::table(node.origin)),
        other => Err(Problem::new(
            "",
            format!("expected a table of sections, found {}", other.kind()),
        )
        .with_origin(node.origin)),
    }
}

/// Reads a value that came without a type: TOML when it is a quoted text, an array or an inline
/// table, else text that becomes whatever the reader asks for.
pub(crate) fn loose_value(text: &str, origin: &Origin) -> Node {
    if text.trim_start().starts_with(['[', '{', '"', '\''])
        && let Some(node) = toml::parse_value(text.trim(), origin)
    {
        return node;
    }
    Node {
        value: Value::Loose(text.to_owned()),
        origin: origin.clone(),
    }
}
