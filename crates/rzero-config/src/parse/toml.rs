//! TOML, by the `toml` crate, which keeps the span of every key and value.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::lines::Lines;
use crate::error::Problem;
use crate::node::{Entry, Node, Value};
use crate::origin::{Origin, SourceName};

pub(super) fn parse(text: &str, source: &SourceName) -> Result<Node, Problem> {
    let lines = Lines::new(text, source);
    let at = |offset: usize| lines.at(offset);
    match DeTable::parse(text) {
        Ok(table) => {
            let origin = at(table.span().start);
            Ok(Node {
                value: convert_table(table.into_inner(), &at)?,
                origin,
            })
        }
        Err(error) => Err(Problem::new("", error.message().replace('\n', ", "))
            .with_origin(at(error.span().map_or(0, |span| span.start)))),
    }
}

/// A single value, all of it with the same origin; `None` when it is not TOML.
pub(super) fn parse_value(text: &str, origin: &Origin) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    convert(value, &|_| origin.clone()).ok()
}

fn convert(value: Spanned<DeValue<'_>>, at: &dyn Fn(usize) -> Origin) -> Result<Node, Problem> {
    let origin = at(value.span().start);
    let bad = |what: &str, text: &str| {
        Problem::new("", format!("{what} `{text}` is out of range")).with_origin(origin.clone())
    };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(int) => Value::Int(
            i128::from_str_radix(int.as_str(), int.radix())
                .map_err(|_| bad("integer", int.as_str()))?,
        ),
        DeValue::Float(float) => Value::Float(
            float
                .as_str()
                .parse()
                .map_err(|_| bad("number", float.as_str()))?,
        ),
        DeValue::Boolean(bool) => Value::Bool(bool),
        DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
        DeValue::Array(array) => {
            let items = array.into_iter().map(|item| convert(item, at));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => convert_table(table, at)?,
    };
    Ok(Node { value, origin })
}

fn convert_table(table: DeTable<'_>, at: &dyn Fn(usize) -> Origin) -> Result<Value, Problem> {
    let entries = table.into_iter().map(|(key, value)| {
        let key_origin = at(key.span().start);
        Ok((
            key.into_inner().into_owned(),
            Entry {
                key_origin,
                node: convert(value, at)?,
            },
        ))
    });
    Ok(Value::Table(entries.collect::<Result<_, _>>()?))
}
