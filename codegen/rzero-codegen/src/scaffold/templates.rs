//! The templates and how they are filled in.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::layout;
use crate::error::GenerateError;

/// Every template: its name and its text.
pub const TEMPLATES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        include_str!("../../templates/service/Cargo.toml.j2"),
    ),
    (
        "Dockerfile",
        include_str!("../../templates/service/Dockerfile.j2"),
    ),
    (
        "README.md",
        include_str!("../../templates/service/README.md.j2"),
    ),
    (
        "clippy.toml",
        include_str!("../../templates/service/clippy.toml.j2"),
    ),
    (
        "config.rs",
        include_str!("../../templates/service/config.rs.j2"),
    ),
    (
        "config.toml",
        include_str!("../../templates/service/config.toml.j2"),
    ),
    (
        "contract.proto",
        include_str!("../../templates/service/contract.proto.j2"),
    ),
    (
        "gitignore",
        include_str!("../../templates/service/gitignore.j2"),
    ),
    (
        "k8s.yaml",
        include_str!("../../templates/service/k8s.yaml.j2"),
    ),
    ("lib.rs", include_str!("../../templates/service/lib.rs.j2")),
    (
        "logic.rs",
        include_str!("../../templates/service/logic.rs.j2"),
    ),
    (
        "main.rs",
        include_str!("../../templates/service/main.rs.j2"),
    ),
    (
        "test.rs",
        include_str!("../../templates/service/test.rs.j2"),
    ),
];

/// Fills in a template; `replaced` comes before the built-in text.
pub(super) fn render(
    name: &str,
    replaced: &BTreeMap<String, String>,
    context: Value,
) -> Result<String, GenerateError> {
    let built_in = TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, text)| text);
    let text = replaced.get(name).map_or(built_in, String::as_str);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("argument", layout::argument);
    environment.add_filter("chain", layout::chain);
    let text = environment
        .render_named_str(name, text, context)
        .map_err(|source| GenerateError::Template {
            name: name.to_owned(),
            source,
        })?;
    Ok(format!("{}\n", text.trim_end()))
}
