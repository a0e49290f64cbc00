//! Metadata and errors, as the suite writes them and as we do.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rzero::bytes::Bytes;
use rzero::prost_types::Any;
use rzero::{Code, Error, Metadata, Result, Value};

use crate::api::connectrpc::conformance::v1::{self as api, Header};

/// The suite writes the values of binary metadata in base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// All pairs that the suite asks for, one per value, with lower-case keys.
pub(crate) fn pairs(headers: &[Header]) -> Result<Vec<(String, Value)>> {
    let mut pairs = Vec::new();
    for header in headers {
        let key = header.name.to_ascii_lowercase();
        for text in &header.value {
            let value = if key.ends_with("-bin") {
                Value::Binary(BASE64.decode(text)?.into())
            } else {
                Value::Text(text.clone().into())
            };
            pairs.push((key.clone(), value));
        }
    }
    Ok(pairs)
}

/// Metadata as the suite wants it told: one entry per key, values in their order.
pub(crate) fn headers(metadata: &Metadata) -> Vec<Header> {
    let mut all: Vec<Header> = Vec::new();
    for (key, value) in metadata.iter() {
        let text = match value {
            Value::Text(text) => text.to_string(),
            Value::Binary(bytes) => BASE64.encode(bytes),
        };
        match all.iter_mut().find(|header| header.name == key) {
            Some(header) => header.value.push(text),
            None => all.push(Header {
                name: key.to_owned(),
                value: vec![text],
            }),
        }
    }
    all
}

/// The error that the suite asks a server for, with one more detail behind its own.
pub(crate) fn asked_error(asked: api::Error, detail: Option<Any>) -> Error {
    let code = u32::try_from(asked.code).ok().and_then(Code::from_number);
    let message = asked.message.unwrap_or_default();
    let error = Error::with_code(code.unwrap_or(Code::Unknown), message);
    asked
        .details
        .into_iter()
        .chain(detail)
        .fold(error, |error, any| {
            error.with_detail(any.type_url, Bytes::from(any.value))
        })
}

/// An error as the suite wants it told.
pub(crate) fn told_error(error: &Error) -> api::Error {
    let details = error.details().iter().map(|detail| Any {
        type_url: detail.type_url.clone(),
        value: detail.value.to_vec(),
    });
    api::Error {
        code: i32::try_from(error.code().number()).expect("codes are small"),
        message: Some(error.message().to_owned()),
        details: details.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &[&str]) -> Header {
        Header {
            name: name.to_owned(),
            value: value.iter().map(|&v| v.to_owned()).collect(),
        }
    }

    #[test]
    fn values_of_a_key_stay_together_and_in_order() {
        let asked = [header("X-A", &["1", "2"]), header("x-b-bin", &["YQ=="])];
        let mut metadata = Metadata::new();
        for (key, value) in pairs(&asked).unwrap() {
            match value {
                Value::Text(text) => metadata.insert(key, text).unwrap(),
                Value::Binary(bytes) => metadata.insert_binary(key, bytes).unwrap(),
            }
        }
        let told = headers(&metadata);
        assert_eq!(
            told,
            [header("x-a", &["1", "2"]), header("x-b-bin", &["YQ"])]
        );
    }

    #[test]
    fn binary_value_that_is_not_base64_is_refused() {
        assert!(pairs(&[header("a-bin", &["!"])]).is_err());
    }

    #[test]
    fn asked_errors_are_told_as_they_were_asked_for() {
        let detail = |n: u8| Any {
            type_url: format!("type.googleapis.com/x.Y{n}"),
            value: vec![n],
        };
        let asked = api::Error {
            code: 9,
            message: Some("no".to_owned()),
            details: vec![detail(1)],
        };
        let told = told_error(&asked_error(asked.clone(), Some(detail(2))));
        assert_eq!((told.code, told.message), (9, asked.message));
        assert_eq!(told.details, [detail(1), detail(2)]);
    }
}
