//! Metadata and status as HTTP/2 header fields.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use rzero_core::{Class, Code, Error, Metadata, Value};

/// Binary values are sent without padding, as the protocol recommends, and read in both forms.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const DETAILS: &str = "grpc-status-details-bin";

/// Longest `grpc-message` and longest details that are sent, in bytes: together they must fit in
/// the 16 KiB that common peers take as header fields.
const MESSAGE_BYTES_MAX: usize = 4096;
const DETAILS_BYTES_MAX: usize = 8192;

/// Adds metadata to header fields.
pub(crate) fn write(metadata: &Metadata, headers: &mut HeaderMap) {
    for (key, value) in metadata.iter() {
        let value = match value {
            Value::Text(text) => HeaderValue::from_str(text),
            Value::Binary(bytes) => HeaderValue::from_str(&BASE64.encode(bytes)),
        };
        // Both were checked when they became metadata, so neither conversion fails.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), value) {
            headers.append(name, value);
        }
    }
}

/// The metadata among header fields; the wire's own fields and unreadable ones are left out.
pub(crate) fn read(headers: &HeaderMap) -> Metadata {
    let mut metadata = Metadata::new();
    for (name, value) in headers {
        let name = name.as_str();
        if name == "user-agent" || (name.starts_with("grpc-") && name != "grpc-retry-pushback-ms") {
            continue;
        }
        // A key that cannot be metadata belongs to the wire: leaving it out is the point.
        if name.ends_with("-bin") {
            let parts = value.as_bytes().split(|b| *b == b',');
            for bytes in parts.filter_map(|part| BASE64.decode(part.trim_ascii()).ok()) {
                let _ = metadata.insert_binary(name.to_owned(), bytes);
            }
        } else if let Ok(text) = value.to_str() {
            let _ = metadata.insert(name.to_owned(), text.to_owned());
        }
    }
    metadata
}

/// The fields that end a call.
pub(crate) fn write_status(result: Result<&Metadata, &Error>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    match result {
        Ok(trailers) => {
            headers.insert(STATUS, HeaderValue::from_static("0"));
            write(trailers, &mut headers);
        }
        Err(error) => {
            headers.insert(STATUS, HeaderValue::from(error.code().number()));
            if let Ok(value) = HeaderValue::from_str(&percent_encode(error.message())) {
                headers.insert(MESSAGE, value);
            }
            let details = rzero_proto::encode_details(error).map(|d| BASE64.encode(d));
            let details = details.filter(|d| d.len() <= DETAILS_BYTES_MAX);
            if let Some(Ok(value)) = details.map(|d| HeaderValue::from_str(&d)) {
                headers.insert(DETAILS, value);
            }
            if let Some(trailers) = error.trailers() {
                write(trailers, &mut headers);
            }
        }
    }
    headers
}

/// The status among header fields: `None` when there is none, `Ok` when the call succeeded.
pub(crate) fn read_status(headers: &HeaderMap) -> Option<Result<(), Error>> {
    let number = headers
        .get(STATUS)?
        .to_str()
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2);
    let Some(code) = Code::from_number(number) else {
        return Some(Ok(()));
    };
    let message = headers
        .get(MESSAGE)
        .map(|m| percent_decode(m.as_bytes()))
        .unwrap_or_default();
    let details = headers
        .get(DETAILS)
        .and_then(|d| BASE64.decode(d.as_bytes()).ok());
    Some(Err(rzero_proto::decode_error(
        code,
        message,
        details.as_deref(),
    )))
}

/// The error of an answer that is not gRPC, by its HTTP status as the specification maps it.
pub(crate) fn http_error(status: http::StatusCode) -> Error {
    let class = match status.as_u16() {
        400 => Class::Internal,
        401 => Class::Unauthenticated,
        403 => Class::PermissionDenied,
        404 => Class::Unimplemented,
        429 | 502 | 503 | 504 => Class::Unavailable,
        _ => Class::Unknown,
    };
    Error::new(
        class,
        format!("the peer answered with HTTP status {status} instead of gRPC"),
    )
}

/// Percent-encodes what is not visible ASCII, as `grpc-message` demands.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Characters are encoded whole: a cut in the middle of one would be unreadable.
    let fits = |out: &String, c: char| out.len() + 3 * c.len_utf8() <= MESSAGE_BYTES_MAX;
    for c in text.chars() {
        if !fits(&out, c) {
            break;
        }
        encode_char(c, &mut out);
    }
    out
}

fn encode_char(c: char, out: &mut String) {
    for &byte in c.encode_utf8(&mut [0; 4]).as_bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                let hex = |n: u8| char::from(b"0123456789ABCDEF"[usize::from(n)]);
                out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
}

fn percent_decode(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| tail.first_chunk::<2>())
            .flatten()
            .and_then(|h| {
                let digit = |b: u8| {
                    char::from(b)
                        .to_digit(16)
                        .and_then(|d| u8::try_from(d).ok())
                };
                Some(digit(h[0])? << 4 | digit(h[1])?)
            });
        match escaped {
            Some(byte) => (out.push(byte), rest = &tail[2..]).1,
            None => (out.push(*first), rest = tail).1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Request fields every gRPC call carries.
pub(crate) fn request(
    path: &'static str,
    authority: &http::uri::Authority,
    scheme: &http::uri::Scheme,
) -> Result<http::Request<()>, Error> {
    let uri = http::Uri::builder()
        .scheme(scheme.clone())
        .authority(authority.clone())
        .path_and_query(path)
        .build()
        .map_err(|e| Error::invalid_input(format!("`{path}` is not a path")).with_source(e))?;
    let mut request = http::Request::new(());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert(
        http::header::USER_AGENT,
        HeaderValue::from_static(concat!("grpc-rust-rzero/", env!("CARGO_PKG_VERSION"))),
    );
    Ok(request)
}

/// The head of every gRPC answer.
pub(crate) fn response(metadata: &Metadata) -> http::Response<()> {
    let mut response = http::Response::new(());
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    write(metadata, headers);
    response
}

/// A message that has ended must not be torn.
pub(crate) fn torn() -> Error {
    Error::new(Class::BadAnswer, "the stream ended inside a message")
}

/// Classifies the failure of an HTTP/2 stream.
pub(crate) fn stream_error(error: &h2::Error) -> Error {
    let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM)
        || (error.is_go_away() && error.is_remote());
    let (class, message) = if refused {
        (
            Class::Draining,
            "the peer refused the call because it is leaving",
        )
    } else {
        match error.reason().filter(|_| error.is_reset()) {
            Some(h2::Reason::CANCEL) => (Class::Cancelled, "the peer cancelled the call"),
            Some(h2::Reason::ENHANCE_YOUR_CALM) => {
                (Class::RateLimited, "the peer asks for fewer calls")
            }
            Some(h2::Reason::INADEQUATE_SECURITY) => (
                Class::PermissionDenied,
                "the peer asks for better encryption",
            ),
            Some(_) => (Class::Internal, "the peer reset the call"),
            None => (
                Class::ConnectionLost,
                "the connection broke before the answer was complete",
            ),
        }
    };
    Error::new(class, message).with_source(std::io::Error::other(error.to_string()))
}

/// Bytes of a chunk, given back to the peer's window at once: the consumer asks for the next
/// chunk only when it wants one.
pub(crate) fn consume(stream: &mut h2::RecvStream, chunk: &Bytes) -> Result<(), Error> {
    stream
        .flow_control()
        .release_capacity(chunk.len())
        .map_err(|e| stream_error(&e))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_survive_percent_encoding(text in "\\PC{0,100}") {
            let encoded = percent_encode(&text);
            prop_assert!(encoded.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(percent_decode(encoded.as_bytes()), text);
        }

        #[test]
        fn arbitrary_messages_never_panic(bytes: Vec<u8>) {
            let _ = percent_decode(&bytes);
        }

        #[test]
        fn binary_metadata_survives(bytes: Vec<u8>) {
            let mut metadata = Metadata::new();
            metadata.insert_binary("a-bin", bytes).unwrap();
            let mut headers = HeaderMap::new();
            write(&metadata, &mut headers);
            prop_assert_eq!(read(&headers), metadata);
        }
    }

    #[test]
    fn padded_and_joined_binary_values_are_read() {
        let mut headers = HeaderMap::new();
        headers.append("a-bin", HeaderValue::from_static("YQ==, Yg"));
        let metadata = read(&headers);
        assert_eq!(metadata.len(), 2);
        assert_eq!(metadata.get_binary("a-bin").unwrap(), "a");
    }

    #[test]
    fn status_round_trips() {
        let error = Error::not_found("ünïcode: 100%").with_reason("GONE", "shop");
        let headers = write_status(Err(&error));
        let got = read_status(&headers).unwrap().unwrap_err();
        assert_eq!(
            (got.class(), got.message()),
            (Class::NotFound, "ünïcode: 100%")
        );
        assert_eq!((got.reason(), got.domain()), ("GONE", "shop"));
        assert!(
            read_status(&write_status(Ok(&Metadata::new())))
                .unwrap()
                .is_ok()
        );
        assert!(read_status(&HeaderMap::new()).is_none());
    }
}
