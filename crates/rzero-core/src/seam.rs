//! The seams between wires and the rest, object safe.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{Address, Call, CallInfo, Duplex, Error, Method, Reply, Stop, Trailers};

/// A boxed future that may be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The work of one call: the one box that a served call costs. Dropping it cancels the work.
pub type Handling<T> = BoxFuture<'static, Result<T, Error>>;

/// The server seam: what every wire calls.
pub trait Dispatch: Send + Sync + 'static {
    /// The method at `path`, such as `/package.Service/Method`; asked before the body is read.
    fn resolve(&self, path: &[u8]) -> Option<Method>;

    /// Handles a unary call.
    fn unary(&self, call: Call<Bytes>) -> Handling<Reply<Bytes>>;

    /// Handles a call that streams in either direction.
    fn stream(&self, call: Call<Duplex>) -> Handling<Trailers>;
}

/// The client seam: one connection to one node.
pub trait Connection: Send + Sync {
    /// Sends a unary call. Dropping the reply cancels the call.
    fn unary(&self, call: Call<Bytes>) -> UnaryReply;

    /// Begins a call that streams; never waits, errors come out of the streams.
    fn open(&self, call: CallInfo) -> Duplex;

    /// How busy the connection is.
    fn load(&self) -> Load;

    /// Whether it takes more calls; `false` from the moment it is asked to leave, drained or lost.
    fn is_open(&self) -> bool;

    /// Takes no more calls and closes when those in flight have ended.
    fn drain(&self);

    /// Resolves when the connection takes no more calls, and says why.
    fn gone(&self) -> BoxFuture<'_, Gone>;
}

/// How busy a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls in flight.
    pub in_flight: u32,
}

/// Why a connection takes no more calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The peer asked us to leave, or we drained it; calls in flight finish.
    Draining,
    /// It broke; calls in flight fail.
    Lost,
}

/// Opens connections.
pub trait Dial: Send + Sync {
    /// Opens a connection to `to`, giving up at `by`.
    ///
    /// The future's error is of class `ConnectFailed`.
    fn dial<'a>(
        &'a self,
        to: &'a Address,
        by: Instant,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, Error>>;
}

/// A wire that can serve: bound first, so that the port is known and an error comes early.
pub trait Wire: Send + Sync {
    /// What it speaks, as registered: `grpc`.
    fn protocol(&self) -> &'static str;

    /// Takes the address.
    ///
    /// The future's error names the address and what to do.
    fn bind(&self) -> BoxFuture<'_, Result<Box<dyn Bound>, Error>>;
}

/// A wire that holds its address and waits to serve.
pub trait Bound: Send {
    /// The address it holds.
    fn local(&self) -> Address;

    /// Serves until `stop` reaches `Close`, lets calls in flight end, cuts what is left at `Cut`.
    fn serve(
        self: Box<Self>,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> BoxFuture<'static, Served>;
}

/// What a wire reports when it has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Connections that still had calls in flight when they were cut.
    pub connections_cut: u32,
}

/// The answer to a unary call, to be awaited. Dropping it cancels the call.
pub struct UnaryReply(Repr);

enum Repr {
    Ready(Option<Result<Reply<Bytes>, Error>>),
    Pending(Arc<dyn PendingReply>),
    Boxed(Handling<Reply<Bytes>>),
}

/// A unary call in flight, as a wire keeps it: its caller holds it by a [`UnaryReply`].
pub trait PendingReply: Send + Sync {
    /// The answer, once; what later polls give is not said.
    fn poll_reply(&self, cx: &mut Context<'_>) -> Poll<Result<Reply<Bytes>, Error>>;

    /// Nobody waits for the answer: the call is cancelled, unless it has ended.
    fn cancel(&self);
}

impl UnaryReply {
    /// An answer that is known already.
    #[must_use]
    pub fn ready(result: Result<Reply<Bytes>, Error>) -> Self {
        Self(Repr::Ready(Some(result)))
    }

    /// An answer that a wire keeps.
    #[must_use]
    pub fn pending(reply: Arc<dyn PendingReply>) -> Self {
        Self(Repr::Pending(reply))
    }

    /// An answer that a future gives.
    #[must_use]
    pub fn boxed(future: Handling<Reply<Bytes>>) -> Self {
        Self(Repr::Boxed(future))
    }
}

impl Future for UnaryReply {
    type Output = Result<Reply<Bytes>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Repr::Pending(reply) => reply.poll_reply(cx),
            Repr::Boxed(future) => future.as_mut().poll(cx),
            Repr::Ready(result) => Poll::Ready(
                result
                    .take()
                    .expect("a completed future is not polled again"),
            ),
        }
    }
}

impl Drop for UnaryReply {
    fn drop(&mut self) {
        // An answer that was taken has nothing left to cancel.
        if let Repr::Pending(reply) = &self.0 {
            reply.cancel();
        }
    }
}

impl fmt::Debug for UnaryReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnaryReply")
    }
}
