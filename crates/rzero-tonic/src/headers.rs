//! Metadata as header fields. tonic's own types do the base64 of binary values.

use http::{HeaderMap, HeaderName, HeaderValue};
use rzero_core::{Error, Metadata, Result, Value, names};
use tonic::metadata::{BinaryMetadataValue, KeyAndValueRef, MetadataMap};

/// What tonic or HTTP put among the metadata.
fn is_of_the_wire(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "content-type"
            | "host"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
    ) || (name.starts_with("grpc-") && name != names::RETRY_PUSHBACK)
}

/// Calls `each` with every pair of metadata and whether it could be added.
fn pairs(
    headers: HeaderMap,
    mut each: impl FnMut(&str, Option<Value>) -> Result<()>,
) -> Result<()> {
    for pair in MetadataMap::from_headers(headers).iter() {
        let (name, value) = match pair {
            KeyAndValueRef::Ascii(key, value) => {
                let text = value
                    .to_str()
                    .ok()
                    .map(|t| Value::Text(t.to_owned().into()));
                (key.as_str(), text)
            }
            KeyAndValueRef::Binary(key, value) => {
                (key.as_str(), value.to_bytes().ok().map(Value::Binary))
            }
        };
        if !is_of_the_wire(name) {
            each(name, value)?;
        }
    }
    Ok(())
}

fn insert(metadata: &mut Metadata, name: &str, value: Value) -> Result<()> {
    match value {
        Value::Text(text) => metadata.insert(name.to_owned(), text)?,
        Value::Binary(bytes) => metadata.insert_binary(name.to_owned(), bytes)?,
    }
    Ok(())
}

/// The metadata of a call that tonic-generated code makes.
///
/// # Errors
/// When a pair cannot travel: better told here than lost.
pub(crate) fn read(headers: HeaderMap) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    pairs(headers, |name, value| {
        let unreadable = || Error::invalid_input(format!("metadata `{name}`: not readable"));
        let added = insert(&mut metadata, name, value.ok_or_else(unreadable)?);
        added.map_err(|error| {
            let text = error.source().map_or_else(String::new, ToString::to_string);
            Error::invalid_input(text)
        })
    })?;
    Ok(metadata)
}

/// The metadata of an answer, without what cannot travel: an answer is not lost for that.
pub(crate) fn read_lossy(headers: HeaderMap) -> Metadata {
    let mut metadata = Metadata::new();
    let read = pairs(headers, |name, value| {
        if let Some(value) = value {
            let _ = insert(&mut metadata, name, value);
        }
        Ok(())
    });
    debug_assert!(read.is_ok(), "nothing above fails");
    metadata
}

/// Adds metadata to header fields.
pub(crate) fn write(metadata: &Metadata, headers: &mut HeaderMap) {
    for (key, value) in metadata.iter() {
        // Both were checked when they became metadata, so no conversion fails.
        let Ok(name) = HeaderName::from_bytes(key.as_bytes()) else {
            continue;
        };
        let value = match value {
            Value::Text(text) => HeaderValue::from_str(text).ok(),
            Value::Binary(bytes) => {
                let encoded = BinaryMetadataValue::from_bytes(bytes);
                HeaderValue::from_bytes(encoded.as_encoded_bytes()).ok()
            }
        };
        if let Some(value) = value {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn metadata_survives(bytes: Vec<u8>, text in "[ -~&&[^ ]]{0,40}") {
            let mut metadata = Metadata::new();
            metadata.insert_binary("a-bin", bytes).unwrap();
            metadata.insert("x-a", text).unwrap();
            metadata.insert("x-a", "second").unwrap();
            let mut headers = HeaderMap::new();
            write(&metadata, &mut headers);
            headers.insert("te", HeaderValue::from_static("trailers"));
            headers.insert("grpc-timeout", HeaderValue::from_static("1S"));
            prop_assert_eq!(read(headers.clone()).unwrap(), metadata.clone());
            prop_assert_eq!(read_lossy(headers), metadata);
        }
    }

    #[test]
    fn what_cannot_travel_is_named() {
        let mut headers = HeaderMap::new();
        headers.insert("x-odd", HeaderValue::from_bytes(b"\xff").unwrap());
        headers.insert("x-good", HeaderValue::from_static("v"));
        let error = read(headers.clone()).unwrap_err();
        assert!(error.message().contains("x-odd"), "{error}");
        assert_eq!(read_lossy(headers).get("x-good"), Some("v"));
    }
}
