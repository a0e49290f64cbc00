//! What a connection reports.

use crate::frame::{ErrorCode, FrameError, StreamId};
use crate::hpack::Field;

/// Takes what a [`Connection`](super::Connection) reports while it receives or pumps.
///
/// `S` is what the shell keeps per stream. Handlers must not block; nothing else is called
/// meanwhile.
pub trait Events<S> {
    /// A header block begins: forget the fields of the one before, which may have been given up in
    /// its middle.
    fn block(&mut self);

    /// One field, pseudo fields (`:path`) too. It is valid by itself; whether the block is, is known
    /// when [`request`](Self::request) or [`headers`](Self::headers) is called.
    fn field(&mut self, field: Field<'_>);

    /// Server: the block was the valid head of a request. `end`: nothing follows.
    fn request(&mut self, stream: StreamId, end: bool) -> Request<S>;

    /// The block was an answer's head (1xx too, never with `end`), or trailers (always with `end`).
    fn headers(&mut self, stream: StreamId, data: &mut S, end: bool);

    /// Bytes of messages, in any pieces; empty only with `end`. What the answer says is done at
    /// once.
    fn data(&mut self, stream: StreamId, data: &mut S, bytes: &[u8], end: bool) -> Credit;

    /// The stream is gone before both sides ended it.
    fn ended(&mut self, stream: StreamId, data: S, why: Ended);

    /// Everything that waited on the stream, the end too, stands in the output buffer. Not called
    /// when that ended the stream for both sides.
    fn writable(&mut self, stream: StreamId, data: &mut S);

    /// The peer takes no streams above `last`. [`ended`](Self::ended) follows for those that it
    /// refuses. `debug` is a text of the peer's choice.
    fn go_away(&mut self, last: u32, code: ErrorCode, debug: &[u8]);

    /// The peer answered a [`ping`](super::Connection::ping).
    fn pong(&mut self, payload: [u8; 8]);
}

/// Whether a request is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<S> {
    /// It is, and this is kept for its stream.
    Take(S),
    /// It is not, and nothing has run: REFUSED_STREAM.
    Refuse,
}

/// What to give back of a stream's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Credit {
    /// As [`consumed`](super::Connection::consumed): bytes.
    pub consumed: usize,
    /// As [`widen`](super::Connection::widen), after that: bytes, 0 for none.
    pub widen: usize,
}

impl Credit {
    /// Gives `bytes` back and asks for nothing.
    #[must_use]
    pub const fn consumed(bytes: usize) -> Self {
        Self {
            consumed: bytes,
            widen: 0,
        }
    }
}

/// Why a stream ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The peer reset it.
    Reset(ErrorCode),
    /// The peer did not touch it: REFUSED_STREAM, or a GOAWAY that leaves it out. It is safe to
    /// send the request again.
    Refused,
    /// The peer broke a rule; the stream was reset here.
    Broken(FrameError),
}
