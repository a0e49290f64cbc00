//! The head of a request, as a server reads it.

use std::sync::Arc;
use std::time::Duration;

use rzero_core::{CallInfo, Error, MetadataCollector, Method, Peer};
use rzero_http2::hpack::Field;
use tokio::time::Instant;

use super::{ACCEPT_ENCODING, CONTENT_TYPE, Content, ENCODING, TIMEOUT, forget, replace};
use crate::message::{Compression, Encoding, malformed};
use crate::timeout;

/// What the fields of a request say. Made once per connection; for each block it begins with
/// [`reset`](Self::reset). Without metadata it allocates nothing once it is warm.
#[derive(Debug, Default)]
pub(crate) struct RequestFields {
    verb: Verb,
    path: Vec<u8>,
    content: Content,
    timeout: Budget,
    encoding: Encoding,
    /// The name of an encoding that we do not know.
    strange: Vec<u8>,
    accepts_gzip: bool,
    metadata: MetadataCollector,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Verb {
    Post,
    Head,
    #[default]
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
enum Budget {
    #[default]
    Endless,
    Time(Duration),
    Malformed,
}

/// The answer to a request that is not gRPC: plain HTTP, so that every client sees something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, `text/plain`; empty when there may be none.
    pub(crate) text: &'static str,
}

impl RequestFields {
    /// Forgets the block before.
    pub(crate) fn reset(&mut self) {
        self.verb = Verb::Other;
        self.content = Content::Absent;
        self.timeout = Budget::Endless;
        self.encoding = Encoding::Identity;
        self.accepts_gzip = false;
        forget(&mut self.path);
        forget(&mut self.strange);
        self.metadata.clear();
    }

    /// Takes a field; those of the wire that are not needed are dropped.
    pub(crate) fn field(&mut self, field: Field<'_>) {
        let value = field.value;
        match field.name {
            b":path" => replace(&mut self.path, value),
            b":method" => self.verb = Verb::of(value),
            CONTENT_TYPE => self.content = Content::of(value),
            TIMEOUT => {
                self.timeout = timeout::parse(value).map_or(Budget::Malformed, Budget::Time);
            }
            ENCODING => self.set_encoding(value),
            ACCEPT_ENCODING => {
                let mut names = value.split(|byte| *byte == b',');
                self.accepts_gzip |= names.any(|name| name.trim_ascii() == b"gzip");
            }
            _ => super::metadata::read(&mut self.metadata, field),
        }
    }

    fn set_encoding(&mut self, name: &[u8]) {
        self.encoding = Encoding::of_name(name);
        if self.encoding == Encoding::Unknown {
            replace(&mut self.strange, name);
        }
    }

    /// What to answer when the request is not gRPC.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let (status, text) = match (self.content, self.verb) {
            (Content::Grpc, Verb::Post) => return None,
            (Content::Grpc, _) => (405, "gRPC requests are POST.\n"),
            (Content::OtherMessages, _) => (415, "This port speaks gRPC with protobuf messages.\n"),
            (Content::Absent | Content::Foreign, _) => (415, "This port speaks gRPC.\n"),
        };
        // The answer to HEAD has no body.
        let text = if self.verb == Verb::Head { "" } else { text };
        Some(Refusal { status, text })
    }

    /// The path, as it came.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// How messages are compressed that have the flag.
    ///
    /// # Errors
    /// UNIMPLEMENTED when it cannot be read; its answer has to name what can.
    pub(crate) fn encoding(&self) -> Result<Encoding, Error> {
        match self.encoding {
            Encoding::Unknown => Err(Error::unimplemented(format!(
                "grpc-encoding `{}` is not understood: use gzip or identity",
                String::from_utf8_lossy(&self.strange)
            ))),
            known => Ok(known),
        }
    }

    /// Whether the caller reads answers that are compressed this way.
    pub(crate) fn accepts(&self, compression: Compression) -> bool {
        match compression {
            Compression::Gzip => self.accepts_gzip,
        }
    }

    /// The call that the fields tell of; takes the metadata out.
    ///
    /// # Errors
    /// When its timeout is malformed.
    pub(crate) fn call_info(
        &mut self,
        method: Method,
        received: Instant,
        peer: Arc<Peer>,
    ) -> Result<CallInfo, Error> {
        let mut info = CallInfo::new(method, received);
        info.set_peer(peer);
        match self.timeout {
            Budget::Endless => {}
            Budget::Time(budget) => info.set_deadline(received.checked_add(budget)),
            Budget::Malformed => return Err(malformed("malformed grpc-timeout")),
        }
        if !self.metadata.is_empty() {
            info.set_metadata(Some(Arc::new(self.metadata.take())));
        }
        Ok(info)
    }
}

impl Verb {
    fn of(value: &[u8]) -> Self {
        match value {
            b"POST" => Self::Post,
            b"HEAD" => Self::Head,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rzero_core::{Address, Class, Code, Idempotency, Kind};

    use super::super::tests::feed;
    use super::*;

    const HEAD: [(&str, &str); 3] = [
        (":method", "POST"),
        (":path", "/a.B/C"),
        ("content-type", "application/grpc"),
    ];

    fn read(fields: &[(&str, &str)]) -> RequestFields {
        let mut request = RequestFields::default();
        add(&mut request, fields);
        request
    }

    fn add(request: &mut RequestFields, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes()));
        feed(fields, |field| request.field(field));
    }

    fn info(request: &mut RequestFields) -> Result<CallInfo, Error> {
        let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown)?;
        let address = Address::tcp("127.0.0.1", 7);
        let peer = Peer {
            address,
            identity: None,
        };
        request.call_info(method, Instant::now(), Arc::new(peer))
    }

    #[test]
    fn call_is_read_and_forgotten() {
        let mut request = read(&HEAD);
        add(
            &mut request,
            &[
                ("grpc-timeout", "100m"),
                ("grpc-encoding", "gzip"),
                ("grpc-accept-encoding", "deflate, gzip"),
                ("x-tenant", "blue"),
            ],
        );
        assert_eq!(request.refusal(), None);
        assert_eq!(request.path(), b"/a.B/C");
        let gzip = Encoding::Known(Compression::Gzip);
        assert_eq!(request.encoding().unwrap(), gzip);
        assert!(request.accepts(Compression::Gzip));
        let call = info(&mut request).unwrap();
        let left = call.remaining(call.received());
        assert_eq!(left, Some(Duration::from_millis(100)));
        assert_eq!(call.metadata().unwrap().get("x-tenant"), Some("blue"));

        request.reset();
        add(&mut request, &HEAD);
        assert_eq!(request.encoding().unwrap(), Encoding::Identity);
        assert!(!request.accepts(Compression::Gzip));
        let call = info(&mut request).unwrap();
        assert!(call.deadline().is_none() && call.metadata().is_none());
    }

    #[test]
    fn malformed_timeout_is_internal() {
        let mut request = read(&[("grpc-timeout", "1s")]);
        assert_eq!(info(&mut request).unwrap_err().code(), Code::Internal);
    }

    #[test]
    fn unknown_encoding_is_unimplemented_and_named() {
        let error = read(&[("grpc-encoding", "zstd")]).encoding().unwrap_err();
        assert_eq!(error.class(), Class::Unimplemented);
        assert!(error.message().contains("`zstd`"), "{error}");
    }

    #[test]
    fn what_is_not_grpc_gets_a_plain_answer() {
        for (method, content, status, has_text) in [
            ("GET", "text/html", 415, true),
            ("HEAD", "text/html", 415, false),
            ("POST", "image/jpeg", 415, true),
            ("POST", "application/grpc+json", 415, true),
            ("DELETE", "application/grpc", 405, true),
            ("HEAD", "application/grpc", 405, false),
        ] {
            let refusal = read(&[(":method", method), ("content-type", content)]).refusal();
            let refusal = refusal.unwrap();
            assert_eq!(refusal.status, status, "{method} {content}");
            assert_eq!(!refusal.text.is_empty(), has_text, "{method} {content}");
        }
        assert_eq!(read(&[(":method", "GET")]).refusal().unwrap().status, 415);
    }

    proptest! {
        #[test]
        fn arbitrary_fields_never_panic(
            fields in prop::collection::vec((0usize..9, any::<Vec<u8>>(), any::<Vec<u8>>()), 0..9),
        ) {
            let known: [&[u8]; 8] = [
                b":path", b":method", CONTENT_TYPE, TIMEOUT, ENCODING, ACCEPT_ENCODING, b"a-bin", b"te",
            ];
            let mut request = RequestFields::default();
            for (which, name, value) in &fields {
                let name = known.get(*which).copied().unwrap_or(name);
                feed([(name, &value[..])], |field| request.field(field));
            }
            let _ = (request.refusal(), request.encoding(), info(&mut request));
        }
    }
}
