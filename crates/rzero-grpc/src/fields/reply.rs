//! The head and the trailers of an answer, as a client reads them.

use std::time::Duration;

use base64::Engine;
use rzero_core::{Class, Code, Error, Metadata, MetadataCollector, ReplyMetadata, names};
use rzero_http2::hpack::Field;

use super::metadata::BASE64;
use super::{CONTENT_TYPE, Content, DETAILS, ENCODING, MESSAGE, STATUS, forget, percent, replace};
use crate::message::Encoding;

/// What the fields of an answer say. Made once per connection; for each block it begins with
/// [`reset`](Self::reset). Success without metadata allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct ReplyFields {
    /// The HTTP status; 0 when there is none, as in trailers.
    http: u16,
    content: Content,
    encoding: Encoding,
    status: Option<u32>,
    message: Vec<u8>,
    details: Vec<u8>,
    metadata: MetadataCollector,
}

/// The head of an answer that goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplyHead {
    /// The initial metadata.
    pub(crate) metadata: Metadata,
    /// How messages are compressed that have the flag.
    pub(crate) encoding: Encoding,
}

impl ReplyFields {
    /// Forgets the block before.
    pub(crate) fn reset(&mut self) {
        self.http = 0;
        self.content = Content::Absent;
        self.encoding = Encoding::Identity;
        self.status = None;
        forget(&mut self.message);
        forget(&mut self.details);
        self.metadata.clear();
    }

    /// Takes a field; those of the wire that are not needed are dropped.
    pub(crate) fn field(&mut self, field: Field<'_>) {
        let value = field.value;
        match field.name {
            b":status" => self.http = number(value).map_or(0, |n| u16::try_from(n).unwrap_or(0)),
            CONTENT_TYPE => self.content = Content::of(value),
            ENCODING => self.encoding = Encoding::of_name(value),
            STATUS => self.status = Some(number(value).unwrap_or(Code::Unknown.number())),
            MESSAGE => replace(&mut self.message, value),
            DETAILS => replace(&mut self.details, value),
            _ => super::metadata::read(&mut self.metadata, field),
        }
    }

    /// Whether the block is an interim answer (1xx), which says nothing about the call.
    pub(crate) fn is_interim(&self) -> bool {
        (100..200).contains(&self.http)
    }

    /// The head of an answer that goes on; takes the metadata out.
    ///
    /// # Errors
    /// When it is not gRPC. The stream is of no use then.
    pub(crate) fn head(&mut self) -> Result<ReplyHead, Error> {
        if self.http != 200 && self.status.is_some() {
            // Whatever stands in the body: the server has said what the call came to.
            self.trailers()?;
        }
        self.check_http()?;
        Ok(ReplyHead {
            metadata: self.metadata.take(),
            encoding: self.encoding,
        })
    }

    /// The outcome of a call whose answer is one block: head and trailers in one.
    ///
    /// # Errors
    /// See [`trailers`](Self::trailers); when there is no status, what the HTTP status stands for.
    pub(crate) fn trailers_only(&mut self) -> Result<Metadata, Error> {
        if self.status.is_none() {
            self.check_http()?;
        }
        self.trailers()
    }

    /// The outcome of a call, in the block that ends its answer: the trailing metadata.
    ///
    /// # Errors
    /// The status, with the trailing metadata in it; or INTERNAL when there is none.
    pub(crate) fn trailers(&mut self) -> Result<Metadata, Error> {
        let Some(status) = self.status else {
            return Err(no_status());
        };
        let trailers = self.metadata.take();
        let Some(code) = Code::from_number(status) else {
            return Ok(trailers);
        };
        let details = BASE64.decode(&self.details).ok();
        let details = details.filter(|details| !details.is_empty());
        let message = percent::decode(&self.message);
        let mut error = rzero_proto::decode_error(code, message, details.as_deref());
        if error.retry_after().is_none()
            && let Some(wait) = push_back(&trailers)
        {
            error = error.with_retry_after(wait);
        }
        Err(error.with_reply_metadata(ReplyMetadata {
            headers: Metadata::new(),
            trailers,
        }))
    }

    fn check_http(&self) -> Result<(), Error> {
        if self.http != 200 {
            return Err(http_error(self.http));
        }
        match self.content {
            Content::Grpc => Ok(()),
            Content::Absent => Err(Error::new(
                Class::Unknown,
                "the peer answered without a content type: is it a gRPC server?",
            )),
            Content::OtherMessages => Err(Error::new(
                Class::BadAnswer,
                "the peer answered with messages that are not protobuf",
            )),
            Content::Foreign => Err(Error::new(
                Class::Unknown,
                "the peer answered with something that is not gRPC",
            )),
        }
    }
}

/// The error of an answer that ended without a status, also where it ended without trailers.
pub(crate) fn no_status() -> Error {
    Error::new(Class::BadAnswer, "the answer ended without a status")
}

/// The pause that a peer asks for with the trailer alone. One that is no number of milliseconds
/// means "not again", and stays what it is.
fn push_back(trailers: &Metadata) -> Option<Duration> {
    let millis = trailers.get(names::RETRY_PUSHBACK)?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

/// The error of an answer that is not gRPC, by its HTTP status as the specification maps it.
fn http_error(status: u16) -> Error {
    let class = match status {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::feed;
    use super::*;
    use crate::message::Compression;

    fn read(fields: &[(&str, &str)]) -> ReplyFields {
        let mut reply = ReplyFields::default();
        let fields = fields.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes()));
        feed(fields, |field| reply.field(field));
        reply
    }

    #[test]
    fn head_and_trailers_of_a_good_answer() {
        let mut reply = read(&[
            (":status", "200"),
            ("content-type", "application/grpc+proto"),
            ("grpc-encoding", "gzip"),
            ("x", "1"),
        ]);
        let head = reply.head().unwrap();
        assert_eq!(head.metadata.get("x"), Some("1"));
        assert_eq!(head.encoding, Encoding::Known(Compression::Gzip));
        assert!(!reply.is_interim());
        reply.reset();
        feed([(STATUS, &b"0"[..]), (b"y", b"2")], |field| {
            reply.field(field)
        });
        assert_eq!(reply.trailers().unwrap().get("y"), Some("2"));
    }

    #[test]
    fn answers_that_are_not_grpc_are_mapped() {
        for (status, class) in [
            ("400", Class::Internal),
            ("401", Class::Unauthenticated),
            ("403", Class::PermissionDenied),
            ("404", Class::Unimplemented),
            ("429", Class::Unavailable),
            ("502", Class::Unavailable),
            ("418", Class::Unknown),
            ("800", Class::Unknown),
            ("junk", Class::Unknown),
        ] {
            let html = [(":status", status), ("content-type", "text/html")];
            assert_eq!(read(&html).head().unwrap_err().class(), class, "{status}");
            assert_eq!(read(&html).trailers_only().unwrap_err().class(), class);
        }
        for (content, code) in [
            ("text/html", Code::Unknown),
            ("application/grpc+json", Code::Internal),
        ] {
            let error = read(&[(":status", "200"), ("content-type", content)]).head();
            assert_eq!(error.unwrap_err().code(), code);
        }
        let error = read(&[(":status", "200")]).head().unwrap_err();
        assert_eq!(error.code(), Code::Unknown);
    }

    #[test]
    fn status_of_the_server_comes_before_the_http_status() {
        let head = [
            (":status", "503"),
            ("content-type", "application/grpc"),
            ("grpc-status", "5"),
            ("grpc-message", "no%20order"),
            ("x", "1"),
        ];
        for error in [
            read(&head).head().unwrap_err(),
            read(&head).trailers_only().unwrap_err(),
        ] {
            assert_eq!(
                (error.class(), error.message()),
                (Class::NotFound, "no order")
            );
            assert_eq!(error.trailers().unwrap().get("x"), Some("1"));
        }
    }

    #[test]
    fn status_in_the_head_of_an_answer_that_goes_on_is_ignored() {
        let head = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-status", "9"),
        ];
        assert!(read(&head).head().is_ok());
    }

    #[test]
    fn missing_status_is_internal_and_a_strange_one_unknown() {
        let trailers = [("grpc-message", "error")];
        assert_eq!(
            read(&trailers).trailers().unwrap_err().code(),
            Code::Internal
        );
        for status in ["", "x", "+1", "99", "99999999999"] {
            let error = read(&[("grpc-status", status)]).trailers().unwrap_err();
            assert_eq!(error.code(), Code::Unknown, "{status}");
        }
    }

    #[test]
    fn push_back_of_a_peer_that_sends_no_details_is_a_retry_hint() {
        for (text, hint) in [("250", Some(Duration::from_millis(250))), ("-1", None)] {
            let trailers = [("grpc-status", "8"), ("grpc-retry-pushback-ms", text)];
            let error = read(&trailers).trailers().unwrap_err();
            assert_eq!(error.retry_after(), hint, "{text}");
        }
    }

    #[test]
    fn interim_answers_are_told_apart() {
        assert!(read(&[(":status", "103")]).is_interim());
        assert!(!read(&[("grpc-status", "0")]).is_interim());
    }

    proptest! {
        #[test]
        fn arbitrary_fields_never_panic(
            fields in prop::collection::vec((0usize..9, any::<Vec<u8>>(), any::<Vec<u8>>()), 0..9),
        ) {
            let known: [&[u8]; 7] = [
                b":status", CONTENT_TYPE, ENCODING, STATUS, MESSAGE, DETAILS, b"a-bin",
            ];
            let mut reply = ReplyFields::default();
            for (which, name, value) in &fields {
                let name = known.get(*which).copied().unwrap_or(name);
                feed([(name, &value[..])], |field| reply.field(field));
            }
            let _ = (reply.is_interim(), reply.head(), reply.trailers_only(), reply.trailers());
        }
    }
}
