//! One end of a connection: streams, flow control, settings, limits (RFC 9113 sections 3, 5 and 8).
//!
//! A [`Connection`] has one owner, a shell that reads and writes. Bytes of the peer and the time go
//! into [`receive`](Connection::receive), which reports to an [`Events`]; commands append to
//! [`out`](Connection::out). There is no lock, no clock and no socket here, so whatever happens can
//! be replayed from the bytes.
//!
//! What stands where: `receive` takes frames apart, `blocks` places header blocks and `fields`
//! judges them, `send` has the commands, `flow` the windows of the peer, `gone` the memory of
//! streams that are no more, `abuse` the counters behind [`Limits`].
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::Bytes;
//! use rzero_http2::connection::{Config, Connection, Credit, Ended, Events, Request, Role};
//! use rzero_http2::frame::{ErrorCode, StreamId};
//! use rzero_http2::hpack::{Field, Indexing};
//!
//! /// Keeps what arrives.
//! #[derive(Default)]
//! struct Seen(Vec<String>);
//!
//! impl Events<()> for Seen {
//!     fn block(&mut self) {}
//!     fn field(&mut self, field: Field<'_>) {
//!         self.0.push(String::from_utf8_lossy(field.value).into_owned());
//!     }
//!     fn request(&mut self, _: StreamId, _: bool) -> Request<()> {
//!         Request::Take(())
//!     }
//!     fn headers(&mut self, _: StreamId, _: &mut (), _: bool) {}
//!     fn data(&mut self, _: StreamId, _: &mut (), bytes: &[u8], _: bool) -> Credit {
//!         self.0.push(String::from_utf8_lossy(bytes).into_owned());
//!         Credit::consumed(bytes.len())
//!     }
//!     fn ended(&mut self, _: StreamId, _: (), _: Ended) {}
//!     fn writable(&mut self, _: StreamId, _: &mut ()) {}
//!     fn go_away(&mut self, _: u32, _: ErrorCode, _: &[u8]) {}
//!     fn pong(&mut self, _: [u8; 8]) {}
//! }
//!
//! let now = Instant::now();
//! let mut client = Connection::<()>::new(Role::Client, Config::default(), now);
//! let mut server = Connection::<()>::new(Role::Server, Config::default(), now);
//! let stream = client
//!     .open((), false, |block| {
//!         block
//!             .field(b":method", b"POST", Indexing::Add)
//!             .field(b":scheme", b"http", Indexing::Add)
//!             .field(b":path", b"/shop.Orders/Place", Indexing::Add);
//!     })
//!     .unwrap();
//! client.data(stream, b"\0\0\0\0\x02", Bytes::from_static(b"hi"), true);
//!
//! let mut seen = Seen::default();
//! let wire = std::mem::take(client.out());
//! for piece in wire.chunks(3) {
//!     server.receive(piece, now, &mut seen)?;
//! }
//! assert_eq!(seen.0.concat(), "POSThttp/shop.Orders/Place\0\0\0\0\x02hi");
//! # Ok::<(), rzero_http2::connection::ConnectionError>(())
//! ```

mod abuse;
mod blocks;
mod config;
mod error;
mod events;
mod fields;
mod flow;
mod gone;
mod leftover;
mod limits;
mod out;
mod pending;
mod receive;
mod send;
mod settings;
mod state;
mod streams;

pub use config::{Config, Role};
pub use error::ConnectionError;
pub use events::{Credit, Ended, Events, Request};
pub use leftover::Leftover;
pub use limits::{Limits, Rate};

use std::time::Instant;

use bytes::Bytes;

use crate::frame::{ErrorCode, Frame, Ping, Splitter, SplitterConfig, StreamId};
use crate::hpack::BlockEncoder;

use settings::PREFACE;
use state::State;
use streams::Inbound;

/// How a connection announces its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoAwayStep {
    /// Streams that are under way still count: the highest possible number (server; a client has no
    /// streams of the peer to name).
    Announce,
    /// The number of the last stream that was taken; later ones are refused.
    Final,
}

/// One end of a connection. `S` is what the shell keeps per stream.
///
/// A stream whose both sides ended is dropped, and its `S` with it: after the event with `end`, or
/// when our own end stands in [`out`](Self::out). A stream that ends otherwise is reported by
/// [`Events::ended`]. Commands for streams that are gone do nothing.
///
/// Memory: nothing per connection but tables of header fields that the peer and the shell fill (20
/// KiB each at most), one torn frame, and what stands in `out`; per stream what waits to be sent.
#[derive(Debug)]
pub struct Connection<S> {
    /// How much of a client's preface has arrived.
    preface_seen: usize,
    splitter: Splitter,
    state: State<S>,
}

impl<S> Connection<S> {
    /// A connection whose transport was just made. What this side has to send first, preface and
    /// settings, stands in [`out`](Self::out) at once.
    #[must_use]
    pub fn new(role: Role, config: Config, now: Instant) -> Self {
        let splitter = Splitter::new(SplitterConfig {
            payload_bytes_max: usize::try_from(config.frame_bytes_max).unwrap_or(usize::MAX),
            continuations_max: config.limits.continuations_max,
        });
        Self {
            preface_seen: match role {
                Role::Client => PREFACE.len(),
                Role::Server => 0,
            },
            splitter,
            state: State::new(role, config, now),
        }
    }

    /// Takes bytes of the peer, all of them, and reports what they say. A frame that is not
    /// complete is kept. `now` need not be exact.
    ///
    /// # Errors
    ///
    /// The peer broke a rule of the connection or reached one of the [`Limits`]. A GOAWAY stands in
    /// [`out`](Self::out) and the connection is finished: write it, close, and
    /// [`take_streams`](Self::take_streams). Later calls give the same error.
    pub fn receive<E: Events<S>>(
        &mut self,
        bytes: &[u8],
        now: Instant,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        if let Some(error) = self.state.failed {
            return Err(error);
        }
        self.state.abuse.set_now(now);
        self.frames(bytes, events)
            .inspect_err(|error| self.state.finish(*error, error.rule))
    }

    fn frames<E: Events<S>>(
        &mut self,
        mut input: &[u8],
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        if self.preface_seen < PREFACE.len() {
            self.preface(&mut input)?;
        }
        loop {
            match self.splitter.next_piece(&mut input) {
                Ok(Some(piece)) => self.state.piece(piece, events)?,
                Ok(None) => return Ok(()),
                Err(error) => self.state.frame_error(error, events)?,
            }
        }
    }

    fn preface(&mut self, input: &mut &[u8]) -> Result<(), ConnectionError> {
        let missing = &PREFACE[self.preface_seen..];
        let (given, rest) = input.split_at(missing.len().min(input.len()));
        if !missing.starts_with(given) {
            return Err(ConnectionError::protocol("this is not HTTP/2"));
        }
        self.preface_seen += given.len();
        *input = rest;
        Ok(())
    }

    /// The peer sends nothing any more.
    ///
    /// # Errors
    ///
    /// It stopped inside its preface, a frame or a header block. No GOAWAY is written.
    pub fn receive_end(&mut self) -> Result<(), ConnectionError> {
        if let Some(error) = self.state.failed {
            return Err(error);
        }
        if self.preface_seen < PREFACE.len() || !self.splitter.is_between_frames() {
            let error = ConnectionError::protocol("the peer stopped inside a frame");
            self.state.failed = Some(error);
            return Err(error);
        }
        Ok(())
    }

    /// Client: whether [`open`](Self::open) would. It takes room under the peer's limit, numbers
    /// that are left, and that neither side has sent GOAWAY. Always false on a server.
    #[must_use]
    pub fn can_open(&self) -> bool {
        self.state.can_open()
    }

    /// Client: opens a stream with the head of a request. `end`: nothing follows.
    ///
    /// # Errors
    ///
    /// Gives `data` back where [`can_open`](Self::can_open) is false.
    pub fn open(
        &mut self,
        data: S,
        end: bool,
        fields: impl FnOnce(&mut BlockEncoder<'_>),
    ) -> Result<StreamId, S> {
        self.state.open(data, end, fields)
    }

    /// Sends an answer's head, trailers (`end`), or both in one. Whether it could.
    ///
    /// Trailers go behind what waits on the stream. `fields` must not fail half-way, as what it
    /// appends is sent.
    pub fn headers(
        &mut self,
        stream: StreamId,
        end: bool,
        fields: impl FnOnce(&mut BlockEncoder<'_>),
    ) -> bool {
        self.state.send_headers(stream, end, fields)
    }

    /// Sends bytes of messages: `head` and behind it `body`, as one run. A `head` of more than five
    /// bytes is copied if it has to wait. What fits into the windows
    /// and into [`out`](Self::out) is copied there at once, the rest waits. Gives the bytes that
    /// wait on the stream now. `end`: nothing follows.
    ///
    /// There is no bound on what waits: the shell stops when the result is too much for it, until
    /// [`Events::writable`].
    pub fn data(&mut self, stream: StreamId, head: &[u8], body: Bytes, end: bool) -> usize {
        self.state.send_data(stream, head, body, end)
    }

    /// Ends our side of a stream behind what waits. Whether it could.
    pub fn end(&mut self, stream: StreamId) -> bool {
        self.state.send_end(stream)
    }

    /// How many bytes wait on a stream, for a window or for room in [`out`](Self::out).
    #[must_use]
    pub fn waiting(&self, stream: StreamId) -> usize {
        let stream = self.state.streams.get(stream);
        stream.map_or(0, |stream| stream.waiting())
    }

    /// Ends a stream at once by our own will: RST_STREAM. What waits on it is dropped, and what
    /// arrives for it later is ignored.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) -> Option<S> {
        self.state.reset(stream, code)
    }

    /// What the shell keeps for a stream.
    pub fn get_mut(&mut self, stream: StreamId) -> Option<&mut S> {
        let stream = self.state.streams.get_mut(stream)?;
        Some(&mut stream.data)
    }

    /// Gives bytes that came by [`Events::data`] back to the stream's window. The peer is told when
    /// half the window can be returned.
    ///
    /// A shell that holds more than half a window while it waits for more has to
    /// [`widen`](Self::widen).
    pub fn consumed(&mut self, stream: StreamId, bytes: usize) {
        self.credit(stream, Credit::consumed(bytes));
    }

    /// Makes sure that the peer may send at least `bytes` more on a stream now, at most 1 GiB: for
    /// a message that is being gathered. What is told beyond the stream's window is taken off what
    /// is consumed later.
    pub fn widen(&mut self, stream: StreamId, bytes: usize) {
        let widen = bytes;
        self.credit(stream, Credit { consumed: 0, widen });
    }

    fn credit(&mut self, stream: StreamId, credit: Credit) {
        if let Some((slot, _)) = self.state.commanded(stream) {
            self.state.consume(slot, credit);
        }
    }

    /// Makes one stream's window larger than [`Config::stream_window_bytes`], at most 1 GiB, and
    /// tells the peer at once. A smaller value changes nothing.
    pub fn set_stream_window(&mut self, stream: StreamId, bytes: u32) {
        self.state.set_stream_window(stream, bytes);
    }

    /// Asks the peer for a sign of life: [`Events::pong`].
    pub fn ping(&mut self, payload: [u8; 8]) {
        if self.state.failed.is_none() {
            self.state.pings = self.state.pings.saturating_add(1);
            let is_ack = false;
            Frame::Ping(Ping { payload, is_ack }).write(self.state.out.buf());
        }
    }

    /// Announces the end of the connection. Streams that are open go on, and a client opens no
    /// more. `debug` is for the peer's log.
    pub fn go_away(&mut self, step: GoAwayStep, code: ErrorCode, debug: &str) {
        self.state.go_away(step, code, debug);
    }

    /// Ends the connection for a reason of the shell's: GOAWAY, and nothing more is received or
    /// sent.
    pub fn fail(&mut self, code: ErrorCode, debug: &str) {
        let error = ConnectionError::new(code, "ended by this side");
        self.state.finish(error, debug);
    }

    /// Moves waiting data into [`out`](Self::out), a frame of each stream in turn, as windows and
    /// [`Config::out_bytes_max`] allow. To be called before each write.
    pub fn pump<E: Events<S>>(&mut self, events: &mut E) {
        self.state.pump(events);
    }

    /// What has to be written. The shell takes bytes off its head, or swaps it for an empty buffer;
    /// it appends nothing.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.state.out.lend()
    }

    /// Whether there is something to write, perhaps after [`pump`](Self::pump).
    #[must_use]
    pub fn wants_write(&self) -> bool {
        !self.state.out.is_empty() || self.state.could_pump()
    }

    /// Takes what the shell keeps for all streams: at the end of the connection. No stream is left.
    pub fn take_streams(&mut self) -> Leftover<S> {
        self.state.ready.clear();
        self.state.buffered = 0;
        self.state.waiting = 0;
        Leftover(self.state.streams.drain())
    }

    /// Gives back the memory of a burst: for a connection that has been idle for a while. A frame
    /// that has half arrived, header tables and open streams stay.
    pub fn shrink(&mut self) {
        self.state.shrink();
    }

    /// How many streams are open.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        self.state.streams.len()
    }

    /// How many streams the peer lets us have open.
    #[must_use]
    pub fn peer_streams_max(&self) -> u32 {
        self.state.peer.streams_max
    }

    /// Whether the peer's preface and settings have arrived.
    #[must_use]
    pub fn is_handshaken(&self) -> bool {
        self.state.peer.is_known
    }

    /// Whether a header block, or any frame but DATA, has begun to arrive and has not ended: what a
    /// peer should not take long for.
    #[must_use]
    pub fn is_in_block(&self) -> bool {
        self.splitter.is_in_block()
    }

    /// Server: the highest number of a stream that the peer opened; 0 for none, and on clients.
    #[must_use]
    pub fn last_peer_stream(&self) -> u32 {
        self.state.last_peer_stream
    }

    /// Whether the peer sent GOAWAY.
    #[must_use]
    pub fn go_away_received(&self) -> bool {
        self.state.go_away_received
    }

    /// How many bytes have come by [`Events::data`] and not been consumed, over all open streams.
    #[must_use]
    pub fn buffered(&self) -> usize {
        usize::try_from(self.state.buffered).unwrap_or(0)
    }

    /// How many bytes of one stream have come and not been consumed.
    #[must_use]
    pub fn unconsumed(&self, stream: StreamId) -> usize {
        let stream = self.state.streams.get(stream);
        let bytes = stream.map_or(0, |stream| stream.receive_window.unconsumed());
        usize::try_from(bytes).unwrap_or(0)
    }

    /// How many bytes stand in [`out`](Self::out) or wait on streams: what a peer that does not
    /// read makes this side hold.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.state.out.len() + self.state.waiting
    }

    /// Whether the peer has ended its side of an open stream. A server that has sent its trailers
    /// on a stream where it has not resets the stream with NO_ERROR.
    #[must_use]
    pub fn peer_ended(&self, stream: StreamId) -> bool {
        let stream = self.state.streams.get(stream);
        stream.is_some_and(|stream| stream.inbound == Inbound::Ended)
    }

    /// Calls `each` for all open streams, in no order.
    pub fn for_each(&mut self, mut each: impl FnMut(StreamId, &mut S)) {
        for stream in self.state.streams.iter_mut() {
            each(stream.id, &mut stream.data);
        }
    }

    /// Whether the connection failed: nothing more is received or sent.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.failed.is_some()
    }
}
