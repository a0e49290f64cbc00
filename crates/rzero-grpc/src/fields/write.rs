//! Writing the fields of calls and answers.

use std::time::Duration;

use base64::Engine;
use rzero_core::{Code, Error, Metadata, names};
use rzero_http2::hpack::{BlockEncoder, Indexing};

use super::metadata::BASE64;
use super::{
    ACCEPT_ENCODING, ACCEPTED, CONTENT_TYPE, DETAILS, ENCODING, GRPC, MESSAGE, Refusal, STATUS,
    TIMEOUT, USER_AGENT, metadata, percent,
};
use crate::message::Compression;
use crate::timeout;

/// Longest details that are sent, in bytes as encoded; with the message they must fit in the
/// 16 KiB that common peers take as header fields.
const DETAILS_BYTES_MAX: usize = 8192;

/// What the head of a request says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Host and port that were dialed.
    pub(crate) authority: &'a str,
    /// `/package.Service/Method`.
    pub(crate) path: &'a str,
    /// The time that is left.
    pub(crate) timeout: Option<Duration>,
    /// How our messages are compressed.
    pub(crate) compression: Option<Compression>,
    /// Who we are.
    pub(crate) user_agent: &'a str,
    /// The request metadata.
    pub(crate) metadata: Option<&'a Metadata>,
}

/// Appends the fields of a request.
pub(crate) fn write_request(block: &mut BlockEncoder<'_>, head: &RequestHead<'_>) {
    block
        .field(b":method", b"POST", Indexing::Add)
        .field(b":scheme", head.scheme.as_bytes(), Indexing::Add)
        .field(b":path", head.path.as_bytes(), Indexing::Add)
        .field(b":authority", head.authority.as_bytes(), Indexing::Add)
        .field(b"te", b"trailers", Indexing::Add)
        .field(CONTENT_TYPE, GRPC, Indexing::Add)
        .field(USER_AGENT, head.user_agent.as_bytes(), Indexing::Add)
        .field(ACCEPT_ENCODING, ACCEPTED, Indexing::Add);
    write_encoding(block, head.compression);
    if let Some(timeout) = head.timeout {
        let text = timeout::Text::new(timeout);
        block.field(TIMEOUT, text.as_bytes(), Indexing::Plain);
    }
    if let Some(metadata) = head.metadata {
        metadata::write(block, metadata);
    }
}

/// Appends the head of an answer that goes on.
pub(crate) fn write_head(
    block: &mut BlockEncoder<'_>,
    metadata: &Metadata,
    compression: Option<Compression>,
) {
    block
        .field(b":status", b"200", Indexing::Add)
        .field(CONTENT_TYPE, GRPC, Indexing::Add);
    write_encoding(block, compression);
    metadata::write(block, metadata);
}

fn write_encoding(block: &mut BlockEncoder<'_>, compression: Option<Compression>) {
    if let Some(compression) = compression {
        block.field(ENCODING, compression.name().as_bytes(), Indexing::Add);
    }
}

/// Appends the fields that end a call.
pub(crate) fn write_status(block: &mut BlockEncoder<'_>, result: Result<&Metadata, &Error>) {
    match result {
        Ok(trailers) => {
            block.field(STATUS, b"0", Indexing::Add);
            metadata::write(block, trailers);
        }
        Err(error) => write_error(block, error),
    }
}

/// Appends the one block that answers a call which failed before its answer began. Initial
/// metadata of the error does not go with it: an answer with some needs a head of its own.
pub(crate) fn write_trailers_only(block: &mut BlockEncoder<'_>, error: &Error) {
    block
        .field(b":status", b"200", Indexing::Add)
        .field(CONTENT_TYPE, GRPC, Indexing::Add);
    if error.code() == Code::Unimplemented {
        // It may have been the encoding that is unknown: the answer has to name ours.
        block.field(ACCEPT_ENCODING, ACCEPTED, Indexing::Add);
    }
    write_error(block, error);
}

fn write_error(block: &mut BlockEncoder<'_>, error: &Error) {
    block.field(STATUS, number(error.code()).as_bytes(), Indexing::Add);
    if !error.message().is_empty() {
        let message = percent::encode(error.message());
        block.field(MESSAGE, message.as_bytes(), Indexing::Plain);
    }
    let details = rzero_proto::encode_details(error).map(|details| BASE64.encode(details));
    if let Some(details) = details.filter(|details| details.len() <= DETAILS_BYTES_MAX) {
        block.field(DETAILS, details.as_bytes(), Indexing::Plain);
    }
    let trailers = error.trailers();
    if let Some(wait) = error.retry_after()
        && trailers.is_none_or(|trailers| trailers.get(names::RETRY_PUSHBACK).is_none())
    {
        // What the details say too, for peers that read this alone. Rounded up.
        let ms = wait.as_nanos().div_ceil(1_000_000).to_string();
        block.field(
            names::RETRY_PUSHBACK.as_bytes(),
            ms.as_bytes(),
            Indexing::Plain,
        );
    }
    if let Some(trailers) = trailers {
        metadata::write(block, trailers);
    }
}

fn number(code: Code) -> &'static str {
    const TEXTS: [&str; 17] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    ];
    usize::try_from(code.number())
        .ok()
        .and_then(|number| TEXTS.get(number).copied())
        .unwrap_or("2")
}

/// Appends the head of the answer to a request that is not gRPC.
pub(crate) fn write_refusal(block: &mut BlockEncoder<'_>, refusal: Refusal) {
    let status = match refusal.status {
        405 => b"405",
        _ => b"415",
    };
    block.field(b":status", status, Indexing::Plain).field(
        CONTENT_TYPE,
        b"text/plain",
        Indexing::Plain,
    );
    if refusal.status == 405 {
        block.field(b"allow", b"POST", Indexing::Plain);
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::Class;

    use super::super::tests::{feed, fields};
    use super::super::{ReplyFields, RequestFields};
    use super::*;
    use crate::message::Encoding;

    fn texts(write: impl FnOnce(&mut BlockEncoder<'_>)) -> Vec<String> {
        let text = |(name, value): (Vec<u8>, Vec<u8>)| {
            let (name, value) = (String::from_utf8(name), String::from_utf8(value));
            format!("{} {}", name.unwrap(), value.unwrap())
        };
        fields(write).into_iter().map(text).collect()
    }

    fn reply(write: impl FnOnce(&mut BlockEncoder<'_>)) -> ReplyFields {
        let mut reply = ReplyFields::default();
        let sent = fields(write);
        feed(sent.iter().map(|(k, v)| (&k[..], &v[..])), |f| {
            reply.field(f)
        });
        reply
    }

    const HEAD: RequestHead<'_> = RequestHead {
        scheme: "http",
        authority: "127.0.0.1:7000",
        path: "/a.B/C",
        timeout: None,
        compression: None,
        user_agent: "test",
        metadata: None,
    };

    #[test]
    fn request_has_what_grpc_wants() {
        let mut metadata = Metadata::new();
        metadata.insert("x", "1").unwrap();
        let head = RequestHead {
            timeout: Some(Duration::from_millis(1500)),
            compression: Some(Compression::Gzip),
            metadata: Some(&metadata),
            ..HEAD
        };
        let expected = [
            ":method POST",
            ":scheme http",
            ":path /a.B/C",
            ":authority 127.0.0.1:7000",
            "te trailers",
            "content-type application/grpc",
            "user-agent test",
            "grpc-accept-encoding identity,gzip",
            "grpc-encoding gzip",
            "grpc-timeout 1500m",
            "x 1",
        ];
        assert_eq!(texts(|block| write_request(block, &head)), expected);
        let mut request = RequestFields::default();
        let sent = fields(|block| write_request(block, &head));
        feed(sent.iter().map(|(k, v)| (&k[..], &v[..])), |f| {
            request.field(f)
        });
        assert_eq!(request.refusal(), None);
        assert!(request.accepts(Compression::Gzip));
    }

    #[test]
    fn second_request_takes_a_byte_for_each_field() {
        let mut encoder = rzero_http2::hpack::Encoder::new();
        let mut out = Vec::new();
        write_request(&mut encoder.block(&mut out), &HEAD);
        out.clear();
        write_request(&mut encoder.block(&mut out), &HEAD);
        assert_eq!(out.len(), 8);
        out.clear();
        write_head(&mut encoder.block(&mut out), &Metadata::new(), None);
        write_status(&mut encoder.block(&mut out), Ok(&Metadata::new()));
        out.clear();
        write_head(&mut encoder.block(&mut out), &Metadata::new(), None);
        write_status(&mut encoder.block(&mut out), Ok(&Metadata::new()));
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn status_round_trips() {
        let mut trailers = Metadata::new();
        trailers.insert("x", "1").unwrap();
        let error = Error::not_found("ünïcode: 100%").with_reason("GONE", "shop");
        let error = error.with_reply_metadata(rzero_core::ReplyMetadata {
            headers: Metadata::new(),
            trailers: trailers.clone(),
        });
        let blocks = [
            reply(|block| write_status(block, Err(&error))),
            reply(|block| write_trailers_only(block, &error)),
        ];
        for mut reply in blocks {
            let got = reply.trailers_only().unwrap_err();
            assert_eq!(
                (got.class(), got.message()),
                (Class::NotFound, "ünïcode: 100%")
            );
            assert_eq!((got.reason(), got.domain()), ("GONE", "shop"));
            assert_eq!(got.trailers(), Some(&trailers));
        }
        let mut reply = reply(|block| write_status(block, Ok(&trailers)));
        assert_eq!(reply.trailers().unwrap(), trailers);
    }

    #[test]
    fn a_retry_hint_goes_out_as_push_back_too() {
        let wait = Duration::from_micros(1_200_300);
        let error = Error::overloaded("").with_retry_after(wait);
        let sent = texts(|block| write_trailers_only(block, &error));
        assert!(sent.contains(&"grpc-retry-pushback-ms 1201".to_owned()));
        let mut trailers = Metadata::new();
        trailers.insert(names::RETRY_PUSHBACK, "-1").unwrap();
        let error = error.with_reply_metadata(rzero_core::ReplyMetadata {
            headers: Metadata::new(),
            trailers,
        });
        let sent = texts(|block| write_status(block, Err(&error)));
        let hints = sent.iter().filter(|text| text.contains("pushback"));
        assert_eq!(hints.collect::<Vec<_>>(), ["grpc-retry-pushback-ms -1"]);
    }

    #[test]
    fn every_code_survives() {
        for number in 1..=16 {
            let code = Code::from_number(number).unwrap();
            let error = Error::with_code(code, "");
            let mut reply = reply(|block| write_status(block, Err(&error)));
            assert_eq!(reply.trailers().unwrap_err().code(), code);
        }
    }

    #[test]
    fn head_round_trips() {
        let mut metadata = Metadata::new();
        metadata.insert_binary("a-bin", vec![0; 1000]).unwrap();
        let mut reply = reply(|block| write_head(block, &metadata, Some(Compression::Gzip)));
        let head = reply.head().unwrap();
        assert_eq!(head.metadata, metadata);
        assert_eq!(head.encoding, Encoding::Known(Compression::Gzip));
    }

    #[test]
    fn unknown_encoding_is_answered_with_the_known_ones() {
        let error = Error::unimplemented("");
        let sent = texts(|block| write_trailers_only(block, &error));
        assert!(sent.contains(&"grpc-accept-encoding identity,gzip".to_owned()));
    }

    #[test]
    fn long_details_are_left_out() {
        let error = Error::not_found("m").with_reason("x".repeat(9000), "d");
        let sent = fields(|block| write_status(block, Err(&error)));
        assert!(sent.iter().all(|(name, _)| name != DETAILS));
    }

    #[test]
    fn refusals_are_plain_http() {
        let refusal = |status| Refusal { status, text: "" };
        assert_eq!(
            texts(|block| write_refusal(block, refusal(415))),
            [":status 415", "content-type text/plain"]
        );
        let sent = texts(|block| write_refusal(block, refusal(405)));
        assert_eq!(sent[2], "allow POST");
    }
}
