//! Rust paths of contract types.

use std::str::FromStr;

use proc_macro2::{Ident, Span, TokenStream};

use crate::names::{Names, case, is_well_known};

/// A type as the module at `from` writes it.
pub(crate) fn type_path(names: &Names, from: &[String], full_name: &str) -> String {
    if let Some(path) = well_known(full_name) {
        return path;
    }
    let dotted = format!(".{full_name}");
    let renamed = names
        .types
        .get(&dotted)
        .map_or(dotted.as_str(), String::as_str);
    let mut parts: Vec<&str> = renamed.trim_start_matches('.').split('.').collect();
    let ty = parts.pop().unwrap_or_default();
    let modules: Vec<String> = parts.into_iter().map(case::snake).collect();
    let common = from
        .iter()
        .zip(&modules)
        .take_while(|(a, b)| a == b)
        .count();
    let ups = std::iter::repeat_n("super".to_owned(), from.len() - common);
    let path: Vec<String> = ups
        .chain(modules[common..].iter().cloned())
        .chain([case::camel(ty)])
        .collect();
    path.join("::")
}

/// The runtime's type for a well-known message.
fn well_known(full_name: &str) -> Option<String> {
    let (package, _) = full_name.rsplit_once('.')?;
    if !is_well_known(package) {
        return None;
    }
    let name = full_name.strip_prefix("google.protobuf.")?;
    Some(match name {
        "Empty" => "()".to_owned(),
        "BoolValue" => "bool".to_owned(),
        "BytesValue" => "::rzero::prost::alloc::vec::Vec<u8>".to_owned(),
        "DoubleValue" => "f64".to_owned(),
        "FloatValue" => "f32".to_owned(),
        "Int32Value" => "i32".to_owned(),
        "Int64Value" => "i64".to_owned(),
        "StringValue" => "::rzero::prost::alloc::string::String".to_owned(),
        "UInt32Value" => "u32".to_owned(),
        "UInt64Value" => "u64".to_owned(),
        nested => {
            let (modules, ty) = nested.rsplit_once('.').unwrap_or(("", nested));
            let mut path = vec!["::rzero::prost_types".to_owned()];
            path.extend(
                modules
                    .split('.')
                    .filter(|m| !m.is_empty())
                    .map(case::snake),
            );
            path.push(case::camel(ty));
            path.join("::")
        }
    })
}

/// An identifier, raw or not.
pub(crate) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// Tokens of a path made by [`type_path`].
pub(crate) fn tokens(path: &str) -> TokenStream {
    // The text is made of identifiers and `::`, `<u8>` or `()`.
    TokenStream::from_str(path).unwrap_or_default()
}
