//! A failed call, told with everything that came back.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use heck::ToShoutySnakeCase;
use prost_reflect::{DescriptorPool, DynamicMessage};
use rzero::parts::core::{Detail, Error, Metadata, RetrySafety, Value};
use serde_json::json;

use crate::failure::Failure;

/// The failure of a call: `connections` says why none could be opened, `pool` reads details.
pub(crate) fn of_call(
    error: &Error,
    connections: &[String],
    pool: Option<&DescriptorPool>,
) -> Failure {
    let code = format!("{:?}", error.code()).to_shouty_snake_case();
    let mut failure = Failure::call(format!("{code}: {}", error.message()));
    let mut json = json!({
        "code": code,
        "number": error.code().number(),
        "reason": error.reason(),
        "domain": error.domain(),
        "message": error.message(),
    });
    failure.line("reason", format!("{} ({})", error.reason(), error.domain()));
    let metadata: serde_json::Map<_, _> = error
        .metadata()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    for (key, value) in error.metadata() {
        failure.line("metadata", format!("{key} = {value}"));
    }
    if !metadata.is_empty() {
        json["metadata"] = metadata.into();
    }
    let mut violations = Vec::new();
    for violation in error.violations() {
        let (field, description) = (&violation.field, &violation.description);
        failure.line("violation", format!("{field}: {description}"));
        violations.push(json!({ "field": field, "description": description }));
    }
    if !violations.is_empty() {
        json["violations"] = violations.into();
    }
    for connection in connections {
        failure.line("connection", connection.clone());
    }
    if !connections.is_empty() {
        json["connections"] = connections.to_vec().into();
    }
    let details: Vec<_> = error.details().iter().map(|d| detail(d, pool)).collect();
    for detail in &details {
        failure.line("detail", detail.to_string());
    }
    if !details.is_empty() {
        json["details"] = details.into();
    }
    let (text, word) = match error.class().retry_safety() {
        RetrySafety::Never => ("would be useless", "never"),
        RetrySafety::NothingRan => ("is safe, nothing ran", "nothing_ran"),
        RetrySafety::Idempotent => ("is safe if the method is idempotent", "idempotent"),
    };
    failure.line("retry", text.to_owned());
    json["retry"] = word.into();
    if let Some(wait) = error.retry_after() {
        let text = rzero::config::duration::format(wait);
        failure.line("retry", format!("the server asks to wait {text} before"));
        json["retry_after_ms"] = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).into();
    }
    failure.with_json(json)
}

/// A detail as JSON when its type is known, else its type and bytes.
fn detail(detail: &Detail, pool: Option<&DescriptorPool>) -> serde_json::Value {
    let name = detail.type_url.rsplit('/').next().unwrap_or_default();
    let known = pool
        .and_then(|pool| pool.get_message_by_name(name))
        .and_then(|known| DynamicMessage::decode(known, detail.value.clone()).ok())
        .and_then(|message| serde_json::to_value(message).ok());
    match known {
        Some(serde_json::Value::Object(mut fields)) => {
            fields.insert("@type".to_owned(), detail.type_url.clone().into());
            fields.into()
        }
        Some(value) => json!({ "@type": detail.type_url, "value": value }),
        None => {
            json!({ "@type": detail.type_url, "base64": BASE64_STANDARD.encode(&detail.value) })
        }
    }
}

/// Metadata, a line each; bytes in base64.
pub(crate) fn metadata_lines(label: &str, metadata: &Metadata) -> Vec<String> {
    let line = |(key, value): (&str, &Value)| match value {
        Value::Text(text) => format!("{label}: {key}: {text}"),
        Value::Binary(bytes) => format!("{label}: {key}: {}", BASE64_STANDARD.encode(bytes)),
    };
    metadata.iter().map(line).collect()
}
