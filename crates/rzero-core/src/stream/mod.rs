//! Streams of messages, encoded and typed.

mod typed;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

pub use typed::{Receiver, Sender};

use crate::{Error, Metadata};

/// One call's two directions of messages, implemented by a wire.
///
/// One task may receive while another sends. Each direction applies back-pressure: `poll_send` is
/// pending while the peer does not take more, `poll_recv` takes one message at a time.
pub trait StreamIo: Send + Sync {
    /// The next message. `Ok(None)`: the peer sends no more (on a client: the call ended well).
    /// An error ends the stream; later polls repeat the end.
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>>;

    /// Takes the message out of `message` when there is room for it.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>>;

    /// On a client: no more messages follow. On a server the handler's result says so.
    fn close_send(&self);

    /// Adds initial metadata of the answer; `false` when it has been sent. Servers only.
    fn add_headers(&self, headers: Metadata) -> bool;

    /// Sends the initial metadata now, not with the first message: some callers wait for it
    /// before they send. Afterwards [`add_headers`](StreamIo::add_headers) gives `false`. Servers
    /// only; without effect on a wire that cannot.
    fn send_headers(&self) {}

    /// Initial metadata that the peer sent, once it arrived: whoever waits for a message is then
    /// woken. Clients only.
    fn headers(&self) -> Option<Metadata>;

    /// Trailing metadata that the peer sent, once the stream ended. Clients only.
    fn trailers(&self) -> Option<Metadata>;

    /// The receiving half was dropped: a client cancels the call unless it has ended.
    fn release_recv(&self);

    /// The sending half was dropped: a client says that no more follows.
    fn release_send(&self) {
        self.close_send();
    }
}

/// Both directions of a call that streams.
#[derive(Debug)]
pub struct Duplex {
    /// Messages of the peer. Before `tx`, because dropping it cancels a client's call and must not
    /// look like the end of a finished upload.
    pub rx: Inbound,
    /// Messages to the peer.
    pub tx: Outbound,
}

impl Duplex {
    /// Both directions over one implementation.
    #[must_use]
    pub fn new(io: Arc<dyn StreamIo>) -> Self {
        let rx = Inbound {
            io: Arc::clone(&io),
            armed: true,
        };
        Self {
            rx,
            tx: Outbound { io, armed: true },
        }
    }

    /// The implementation below.
    #[must_use]
    pub fn io(&self) -> &Arc<dyn StreamIo> {
        &self.rx.io
    }

    /// The same call with an implementation wrapped around it, as layers do to watch messages.
    /// The wrapper takes over the duty to release both halves.
    #[must_use]
    pub fn wrap(mut self, wrap: impl FnOnce(Arc<dyn StreamIo>) -> Arc<dyn StreamIo>) -> Self {
        (self.rx.armed, self.tx.armed) = (false, false);
        Self::new(wrap(Arc::clone(&self.rx.io)))
    }
}

/// Encoded messages of the peer. Dropping it on a client cancels the call.
pub struct Inbound {
    io: Arc<dyn StreamIo>,
    armed: bool,
}

impl Inbound {
    /// The next message; `None` when the peer sends no more.
    ///
    /// # Errors
    /// Why the stream broke.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next message, as a poll function.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.io.poll_recv(cx)
    }

    /// The implementation below.
    #[must_use]
    pub fn io(&self) -> &Arc<dyn StreamIo> {
        &self.io
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if self.armed {
            self.io.release_recv();
        }
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbound")
    }
}

/// Encoded messages to the peer. Dropping it on a client says that no more follow.
pub struct Outbound {
    io: Arc<dyn StreamIo>,
    armed: bool,
}

impl Outbound {
    /// Sends a message; waits while the peer does not take more.
    ///
    /// # Errors
    /// Why the stream broke.
    ///
    /// # Cancel safety
    /// When the future is dropped the message was not sent.
    pub async fn send(&mut self, message: Bytes) -> Result<(), Error> {
        let mut slot = Some(message);
        poll_fn(|cx| self.io.poll_send(cx, &mut slot)).await
    }

    /// Sends the message in `slot`, as a poll function; takes it when ready.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        self.io.poll_send(cx, slot)
    }

    /// Says that no more messages follow.
    pub fn close(&mut self) {
        self.io.close_send();
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        if self.armed {
            self.io.release_send();
        }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound")
    }
}
