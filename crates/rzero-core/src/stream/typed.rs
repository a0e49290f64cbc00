//! Streams of typed messages.

use std::fmt;

use crate::{Codec, Error, Inbound, Metadata, Outbound};

/// Messages of the peer, decoded. Dropping it on a client cancels the call.
pub struct Receiver<T> {
    inner: Inbound,
    codec: Codec<T>,
    /// On a client an undecodable message is the callee's fault.
    of_client: bool,
}

impl<T> Receiver<T> {
    /// Decodes the messages of `inner`.
    #[must_use]
    pub fn new(inner: Inbound, codec: Codec<T>) -> Self {
        Self {
            inner,
            codec,
            of_client: false,
        }
    }

    /// The same on a client, where a message that cannot be decoded is a bad answer.
    #[must_use]
    pub fn of_client(mut self) -> Self {
        self.of_client = true;
        self
    }

    /// The next message; `None` when the peer sends no more (on a client: the call ended well).
    ///
    /// # Errors
    /// Why the stream broke: the peer's error, a lost connection, the deadline, bad bytes.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<Option<T>, Error> {
        let message = self.inner.recv().await?.map(self.codec.decode).transpose();
        message.map_err(|error| {
            if self.of_client {
                error.bad_answer()
            } else {
                error
            }
        })
    }

    /// All messages to the end, for short streams.
    ///
    /// # Errors
    /// Why the stream broke; what came before is lost.
    ///
    /// # Cancel safety
    /// Messages read so far are lost when the future is dropped.
    pub async fn collect(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(message) = self.recv().await? {
            all.push(message);
        }
        Ok(all)
    }

    /// Initial metadata of the peer, on a client, once the first message or the end arrived.
    #[must_use]
    pub fn headers(&self) -> Option<Metadata> {
        self.inner.io().headers()
    }

    /// Trailing metadata of the peer, on a client, once the stream ended.
    #[must_use]
    pub fn trailers(&self) -> Option<Metadata> {
        self.inner.io().trailers()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver<{}>", std::any::type_name::<T>())
    }
}

/// Messages to the peer, encoded. Dropping it on a client says that no more follow.
pub struct Sender<T> {
    inner: Outbound,
    codec: Codec<T>,
}

impl<T> Sender<T> {
    /// Encodes messages into `inner`.
    #[must_use]
    pub fn new(inner: Outbound, codec: Codec<T>) -> Self {
        Self { inner, codec }
    }

    /// Sends a message; waits while the peer does not take more.
    ///
    /// # Errors
    /// Why the stream broke. On a client the peer's own error comes out of the receiver.
    ///
    /// # Cancel safety
    /// When the future is dropped the message was not sent.
    pub async fn send(&mut self, message: T) -> Result<(), Error> {
        self.inner.send((self.codec.encode)(&message)).await
    }

    /// Says that no more messages follow. On a server the end of the handler does.
    pub fn close(&mut self) {
        self.inner.close();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender<{}>", std::any::type_name::<T>())
    }
}
