//! What a handler sees of its call.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{CallInfo, Error, Identity, Lane, Metadata, Method, Peer, StreamIo};

/// Initial and trailing metadata of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyMetadata {
    /// Sent before the first message.
    pub headers: Metadata,
    /// Sent behind the last message.
    pub trailers: Metadata,
}

/// What a handler sees of its call: who calls, what they sent beside the message, how much time is
/// left; and where it puts metadata of the answer.
pub struct Cx {
    info: CallInfo,
    stream: Option<Arc<dyn StreamIo>>,
    reply: OnceLock<Box<Mutex<ReplyMetadata>>>,
}

impl Cx {
    /// The context of a unary call.
    #[must_use]
    pub fn unary(info: CallInfo) -> Self {
        Self {
            info,
            stream: None,
            reply: OnceLock::new(),
        }
    }

    /// The context of a stream; initial metadata goes out with its first message.
    #[must_use]
    pub fn stream(info: CallInfo, io: Arc<dyn StreamIo>) -> Self {
        Self {
            info,
            stream: Some(io),
            reply: OnceLock::new(),
        }
    }

    /// Everything known about the call.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.info
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.info.method()
    }

    /// The first text value that the caller sent under `key`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.info.metadata()?.get(key)
    }

    /// The first binary value that the caller sent under `key`, which ends in `-bin`.
    #[must_use]
    pub fn metadata_binary(&self, key: &str) -> Option<&Bytes> {
        self.info.metadata()?.get_binary(key)
    }

    /// The other end of the connection.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.info.peer().map(|peer| &**peer)
    }

    /// Who calls, as the authentication of this server accepted it (`[server.auth]`); `None` where
    /// none is asked for.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.info.identity().map(|identity| &**identity)
    }

    /// When the time for this call is up.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.info.deadline()
    }

    /// The time left now; `None` without a deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.info.remaining(Instant::now())
    }

    /// The lane it travels on.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        self.info.lane()
    }

    /// Adds initial metadata to the answer.
    ///
    /// # Errors
    /// When the key or value cannot be metadata, or when a stream has sent it, at the
    /// latest with its first message.
    pub fn set_header(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), Error> {
        self.add_headers(|headers| headers.insert(key.into(), value.into()))
    }

    /// Adds binary initial metadata to the answer; the key ends in `-bin`.
    ///
    /// # Errors
    /// When the key cannot be metadata, or when a stream has sent it, at the
    /// latest with its first message.
    pub fn set_header_binary(
        &self,
        key: impl Into<String>,
        value: impl Into<Bytes>,
    ) -> Result<(), Error> {
        self.add_headers(|headers| headers.insert_binary(key.into(), value.into()))
    }

    /// Sends the initial metadata of a stream now, not with its first message: some callers wait
    /// for it before they send. None can be added afterwards. Without effect on a unary call, and
    /// on a wire that cannot.
    pub fn send_headers(&self) {
        if let Some(stream) = &self.stream {
            stream.send_headers();
        }
    }

    /// Adds trailing metadata to the answer; it is sent also when the call fails.
    ///
    /// # Errors
    /// When the key or value cannot be metadata.
    pub fn set_trailer(
        &self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), Error> {
        let mut reply = self.reply().lock().unwrap_or_else(PoisonError::into_inner);
        Ok(reply.trailers.insert(key.into(), value.into())?)
    }

    /// Adds binary trailing metadata to the answer; the key ends in `-bin`.
    ///
    /// # Errors
    /// When the key cannot be metadata.
    pub fn set_trailer_binary(
        &self,
        key: impl Into<String>,
        value: impl Into<Bytes>,
    ) -> Result<(), Error> {
        let mut reply = self.reply().lock().unwrap_or_else(PoisonError::into_inner);
        Ok(reply.trailers.insert_binary(key.into(), value.into())?)
    }

    /// What the handler set, if it set anything.
    #[must_use]
    pub fn into_reply_metadata(self) -> Option<ReplyMetadata> {
        self.reply
            .into_inner()
            .map(|m| m.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn reply(&self) -> &Mutex<ReplyMetadata> {
        self.reply.get_or_init(Box::default)
    }

    fn add_headers<E: Into<Error>>(
        &self,
        add: impl FnOnce(&mut Metadata) -> Result<(), E>,
    ) -> Result<(), Error> {
        let Some(stream) = &self.stream else {
            let mut reply = self.reply().lock().unwrap_or_else(PoisonError::into_inner);
            return add(&mut reply.headers).map_err(Into::into);
        };
        let mut headers = Metadata::new();
        add(&mut headers).map_err(Into::into)?;
        if stream.add_headers(headers) {
            return Ok(());
        }
        Err(Error::internal(
            "initial metadata was already sent: set it before the first message",
        ))
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Poll};

    use super::*;
    use crate::{Idempotency, Kind};

    /// A stream that knows whether its head was sent.
    #[derive(Default)]
    struct Head(AtomicBool);

    impl StreamIo for Head {
        fn poll_recv(&self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
            Poll::Pending
        }

        fn poll_send(&self, _: &mut Context<'_>, _: &mut Option<Bytes>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn close_send(&self) {}

        fn add_headers(&self, _: Metadata) -> bool {
            !self.0.load(Ordering::Relaxed)
        }

        fn send_headers(&self) {
            self.0.store(true, Ordering::Relaxed);
        }

        fn headers(&self) -> Option<Metadata> {
            None
        }

        fn trailers(&self) -> Option<Metadata> {
            None
        }

        fn release_recv(&self) {}
    }

    fn info(kind: Kind) -> CallInfo {
        let method = Method::dynamic("/a.B/C", kind, Idempotency::Unknown).unwrap();
        CallInfo::new(method, Instant::now())
    }

    #[test]
    fn no_initial_metadata_is_added_once_it_was_sent() {
        let cx = Cx::stream(info(Kind::Bidi), Arc::new(Head::default()));
        cx.set_header("k", "1").unwrap();
        cx.send_headers();
        assert!(cx.set_header("k", "2").is_err());
    }

    #[test]
    fn unary_call_keeps_its_initial_metadata_for_the_answer() {
        let cx = Cx::unary(info(Kind::Unary));
        cx.send_headers();
        cx.set_header("k", "1").unwrap();
        let reply = cx.into_reply_metadata().unwrap();
        assert_eq!(reply.headers.get("k"), Some("1"));
    }
}
