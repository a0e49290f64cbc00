//! A call that streams, as its two tasks share it: the one that works and the connection's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use rzero_core::{Class, Error, Fixed, Metadata, StreamIo};
use rzero_http2::connection::Connection;
use rzero_http2::frame::StreamId;
use tokio::task::coop;

use super::Outgoing;
use super::outbox::Outbox;
use crate::message::{self, Assembler, Compression, Encoding, Raw, Run};

/// What a sender may leave before it has to wait, in bytes: at first, and when its peer keeps up.
const OUT_BYTES_MIN: usize = 2 << 10;
const OUT_BYTES_MAX: usize = 256 << 10;
/// What the window of a stream grows to when its reader keeps up, in bytes: a round trip of a
/// millisecond at 8 Gbit/s. What is unread of all streams has a bound of its own.
const WINDOW_BYTES_MAX: u32 = 1 << 20;

static ENDED: Fixed = Fixed::new(Class::Cancelled, "the call has ended");
static FAILED_BEFORE: Fixed = Fixed::new(Class::Cancelled, "the stream has failed before");

/// Tells the task of a connection that a cell wants something.
pub(crate) trait Touch: Send + Sync {
    /// Has [`Cell::pour`] called soon.
    fn touch(&self, cell: Arc<Cell>);

    /// What waits in the cells of the connection.
    fn outgoing(&self) -> &Outgoing;

    /// A call has ended, and nobody holds it any more.
    fn left(&self) {}
}

/// Which end of the call this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What a cell keeps to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) side: Side,
    /// Longest message, in bytes, after decompression.
    pub(crate) receive_bytes_max: usize,
    /// Longest message that is sent.
    pub(crate) send_bytes_max: usize,
    /// What the peer may send before anything was read, in bytes.
    pub(crate) window_bytes: u32,
    /// How messages are compressed.
    pub(crate) compression: Option<Compression>,
}

/// Both directions of one call that streams.
pub(crate) struct Cell {
    me: Weak<Self>,
    owner: Arc<dyn Touch>,
    rules: Rules,
    state: Mutex<State>,
}

struct State {
    stream: Option<StreamId>,
    /// Whether the connection's task will look here soon anyway.
    is_dirty: bool,

    /// Never an empty run.
    inbox: VecDeque<Run>,
    encoding: Encoding,
    /// Bytes that were read and that the peer does not know of yet.
    credit: usize,
    /// What the peer may send before anything of it was read.
    window_bytes: u32,
    /// A message has begun behind those that wait to be read: its sender gets room for the rest
    /// once they are.
    is_starved: bool,
    source: Source,
    reader: Option<Waker>,

    outbox: Outbox,
    outbox_bytes_max: usize,
    /// What of it the others know of.
    counted: usize,
    sink: Sink,
    writer: Option<Waker>,

    /// Server: what goes out with the head, until that is sent. Client: what came with it.
    headers: Option<Metadata>,
    /// Server: the head is to be sent, also without a message.
    is_head_due: bool,
    trailers: Option<Metadata>,
}

/// Where messages come from.
enum Source {
    Open,
    /// The peer sends no more.
    Ended,
    /// It broke; the error is given once.
    Failed(Option<Error>),
    /// Nobody reads any more.
    Dropped,
}

/// Where messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    Open,
    /// No more are to come; the end is not in the core yet.
    Closing,
    Closed,
}

/// What the connection's task has to do after [`Cell::pour`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Poured {
    /// Messages are left, or more may come.
    Open,
    /// Everything is in the core and nothing is left.
    Drained,
    /// A client does not want its call any more.
    Cancelled,
}

impl Cell {
    pub(crate) fn new(owner: Arc<dyn Touch>, rules: Rules, encoding: Encoding) -> Arc<Self> {
        let headers = (rules.side == Side::Server).then(Metadata::new);
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            owner,
            rules,
            state: Mutex::new(State {
                stream: None,
                is_dirty: false,
                inbox: VecDeque::new(),
                encoding,
                credit: 0,
                window_bytes: rules.window_bytes,
                is_starved: false,
                source: Source::Open,
                reader: None,
                outbox: Outbox::default(),
                outbox_bytes_max: OUT_BYTES_MIN,
                counted: 0,
                sink: Sink::Open,
                writer: None,
                headers,
                is_head_due: false,
                trailers: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        if let Some(me) = self.me.upgrade() {
            self.owner.touch(me);
        }
    }

    // What the connection's task calls.

    pub(crate) fn stream(&self) -> Option<StreamId> {
        self.lock().stream
    }

    /// The call has its stream; `false` when nobody wants it any more.
    pub(crate) fn opened(&self, stream: StreamId) {
        self.lock().stream = Some(stream);
    }

    /// Whether the call was given up before it began.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self.lock().source, Source::Dropped)
    }

    pub(crate) fn set_encoding(&self, encoding: Encoding) {
        self.lock().encoding = encoding;
    }

    pub(crate) fn set_headers(&self, headers: Metadata, woken: &mut Vec<Waker>) {
        let mut state = self.lock();
        state.headers = Some(headers);
        woken.extend(state.reader.take());
    }

    /// Bytes came: whole messages go to the reader. `false` when nobody reads any more.
    pub(crate) fn deliver(
        &self,
        assembler: &mut Assembler,
        mut bytes: &[u8],
        woken: &mut Vec<Waker>,
    ) -> Result<bool, Error> {
        let mut state = self.lock();
        let is_read = !matches!(state.source, Source::Dropped);
        while let Some(run) = assembler.next_run(&mut bytes)? {
            if is_read {
                state.inbox.push_back(run);
                woken.extend(state.reader.take());
            }
        }
        Ok(is_read)
    }

    /// Whether the reader waits for the message that has begun. Otherwise the cell tells its owner
    /// when it does.
    pub(crate) fn is_awaited(&self) -> bool {
        let mut state = self.lock();
        state.is_starved = !state.inbox.is_empty();
        !state.is_starved
    }

    /// The peer sends no more messages.
    pub(crate) fn end(&self, trailers: Option<Metadata>, woken: &mut Vec<Waker>) {
        let mut state = self.lock();
        if matches!(state.source, Source::Open) {
            state.source = Source::Ended;
            state.trailers = trailers;
        }
        if self.rules.side == Side::Client {
            state.sink = Sink::Closed;
            woken.extend(state.writer.take());
        }
        woken.extend(state.reader.take());
    }

    /// The call broke, in both directions. What came before can still be read.
    pub(crate) fn fail(&self, error: Error, trailers: Option<Metadata>, woken: &mut Vec<Waker>) {
        let mut state = self.lock();
        // What ended the call first is what counts: a reset may follow trailers.
        if matches!(state.source, Source::Open) {
            state.source = Source::Failed(Some(error));
            state.trailers = trailers;
        }
        state.sink = Sink::Closed;
        state.clear_outbox(self.owner.outgoing());
        woken.extend(state.reader.take());
        woken.extend(state.writer.take());
    }

    /// Nobody works on the call any more: what comes is not wanted.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        state.sink = Sink::Closing;
        state.discard();
    }

    /// The metadata that goes out with the head, when that was not sent: it is now.
    pub(crate) fn take_head(&self) -> Option<Metadata> {
        self.lock().headers.take()
    }

    /// Moves what waits here into the core, as far as that takes it. `send_head` sends a server's head, which is asked for once, when messages wait behind it or
    /// the handler wants it out. All under one lock: a message that comes meanwhile must not
    /// overtake the head.
    pub(crate) fn pour<S>(
        &self,
        core: &mut Connection<S>,
        stream: StreamId,
        woken: &mut Vec<Waker>,
        send_head: impl FnOnce(&mut Connection<S>, &Metadata),
    ) -> Poured {
        let mut state = self.lock();
        if let Some(head) = state.due_head(self.rules.side) {
            send_head(core, &head);
        }
        state.is_dirty = false;
        state.return_credit(core, stream);
        if self.rules.side == Side::Client
            && matches!(state.source, Source::Dropped)
            && state.sink == Sink::Closed
        {
            return Poured::Cancelled;
        }
        let mut waiting = core.waiting(stream);
        let outgoing = self.owner.outgoing();
        let is_over =
            |core: &Connection<S>, waiting| waiting > 0 && outgoing.is_below(core.queued());
        let was_full = state.outbox.cost() >= state.outbox_bytes_max;
        // As much again may wait in the core of a peer that keeps up.
        let waiting_max = match state.outbox_bytes_max {
            OUT_BYTES_MIN => 1,
            more => more,
        };
        while waiting < waiting_max
            && !is_over(core, waiting)
            && let Some(left) = state
                .outbox
                .pop(|head, body| core.data(stream, head, body, false))
        {
            waiting = left;
        }
        if was_full && waiting == 0 && state.outbox.is_empty() {
            state.outbox_bytes_max = (state.outbox_bytes_max * 2).min(OUT_BYTES_MAX);
        }
        state.count_outbox(outgoing);
        if state.has_room(outgoing) {
            woken.extend(state.writer.take());
        }
        if !state.outbox.is_empty() {
            return Poured::Open;
        }
        match state.sink {
            Sink::Closing => {
                state.sink = Sink::Closed;
                Poured::Drained
            }
            Sink::Open | Sink::Closed => Poured::Open,
        }
    }
}

/// Checks the length of a message that is to be sent.
pub(crate) fn check_send(message: &Bytes, bytes_max: usize) -> Result<(), Error> {
    if message.len() <= bytes_max {
        return Ok(());
    }
    Err(Error::new(
        Class::TooLarge,
        format!(
            "message of {} bytes is over the limit of {bytes_max} bytes for sending",
            message.len()
        ),
    ))
}

impl State {
    /// The next message for the reader.
    fn next_message(&mut self) -> Option<Raw> {
        let run = self.inbox.front_mut()?;
        let message = run.pop();
        if run.is_empty() {
            self.inbox.pop_front();
        }
        message
    }

    /// Marks the cell; `true` when the connection's task has to be told.
    fn dirty(&mut self) -> bool {
        !std::mem::replace(&mut self.is_dirty, true)
    }

    /// Whether a sender may leave another message: always one, and more unless its stream or its
    /// connection holds much already.
    fn has_room(&self, outgoing: &Outgoing) -> bool {
        self.outbox.is_empty() || self.outbox.cost() < self.outbox_bytes_max && !outgoing.is_over()
    }

    fn count_outbox(&mut self, outgoing: &Outgoing) {
        outgoing.count(&mut self.counted, self.outbox.cost());
    }

    fn clear_outbox(&mut self, outgoing: &Outgoing) {
        self.outbox.clear();
        self.count_outbox(outgoing);
    }

    /// The head, when it must go out: messages wait behind it, or somebody asked for it.
    fn due_head(&mut self, side: Side) -> Option<Metadata> {
        let is_due = self.is_head_due || !self.outbox.is_empty();
        if side == Side::Server && is_due {
            self.headers.take()
        } else {
            None
        }
    }

    /// Gives back what was read. A reader that has read everything gets a larger window next time:
    /// it is the window that holds its peer up, not the reader.
    fn return_credit<S>(&mut self, core: &mut Connection<S>, stream: StreamId) {
        let credit = std::mem::take(&mut self.credit);
        if credit == 0 {
            return;
        }
        core.consumed(stream, credit);
        let has_used_half = credit >= self.window_bytes as usize / 2;
        if has_used_half && self.inbox.is_empty() && self.window_bytes < WINDOW_BYTES_MAX {
            self.window_bytes = self.window_bytes.saturating_mul(2).min(WINDOW_BYTES_MAX);
            core.set_stream_window(stream, self.window_bytes);
        }
    }

    /// Nobody reads what is there and what comes.
    fn discard(&mut self) {
        self.credit += self
            .inbox
            .drain(..)
            .map(|run| run.wire_bytes())
            .sum::<usize>();
        self.source = Source::Dropped;
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let outgoing = self.owner.outgoing();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.clear_outbox(outgoing);
        self.owner.left();
    }
}

impl StreamIo for Cell {
    fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        // Thousands of messages that are there already must not keep a worker from others.
        let turn = ready!(coop::poll_proceed(cx));
        let mut state = self.lock();
        let Some(message) = state.next_message() else {
            return match &mut state.source {
                Source::Open => {
                    match &state.reader {
                        Some(reader) if reader.will_wake(cx.waker()) => {}
                        _ => state.reader = Some(cx.waker().clone()),
                    }
                    Poll::Pending
                }
                Source::Ended | Source::Dropped => Poll::Ready(Ok(None)),
                Source::Failed(error) => {
                    Poll::Ready(Err(error.take().unwrap_or(Error::fixed(&FAILED_BEFORE))))
                }
            };
        };
        turn.made_progress();
        state.credit += message.wire_bytes();
        let is_starved = state.is_starved && state.inbox.is_empty();
        // Half a window at a time: a peer that sends steadily never runs dry, and updates are few.
        let is_due = state.credit >= state.window_bytes as usize / 2;
        let tell = (is_starved || is_due) && state.dirty();
        let encoding = state.encoding;
        drop(state);
        if tell {
            self.touch();
        }
        match encoding.open(message, self.rules.receive_bytes_max) {
            Ok(message) => Poll::Ready(Ok(Some(message))),
            Err(error) => {
                self.release_recv();
                self.lock().source = Source::Failed(None);
                Poll::Ready(Err(match self.rules.side {
                    Side::Client => message::of_answer(error),
                    Side::Server => error,
                }))
            }
        }
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
    ) -> Poll<Result<(), Error>> {
        let turn = ready!(coop::poll_proceed(cx));
        let mut state = self.lock();
        if state.sink != Sink::Open {
            return Poll::Ready(Err(Error::fixed(&ENDED)));
        }
        if !state.has_room(self.owner.outgoing()) {
            match &state.writer {
                Some(writer) if writer.will_wake(cx.waker()) => {}
                _ => state.writer = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        let Some(message) = message.take() else {
            return Poll::Ready(Ok(()));
        };
        turn.made_progress();
        check_send(&message, self.rules.send_bytes_max)?;
        let (prefix, message) = match self.rules.compression {
            None => message::pack(message, None),
            compression => {
                // One task sends, so that the room which was there is still there.
                drop(state);
                let packed = message::pack(message, compression);
                state = self.lock();
                if state.sink != Sink::Open {
                    return Poll::Ready(Err(Error::fixed(&ENDED)));
                }
                packed
            }
        };
        state.outbox.push(prefix, message);
        state.count_outbox(self.owner.outgoing());
        let tell = state.dirty();
        drop(state);
        if tell {
            self.touch();
        }
        Poll::Ready(Ok(()))
    }

    fn close_send(&self) {
        if self.rules.side == Side::Server {
            return;
        }
        let mut state = self.lock();
        if state.sink == Sink::Open {
            state.sink = Sink::Closing;
            let tell = state.dirty();
            drop(state);
            if tell {
                self.touch();
            }
        }
    }

    fn add_headers(&self, headers: Metadata) -> bool {
        let mut state = self.lock();
        let due = state.is_head_due;
        match (&mut state.headers, self.rules.side) {
            (Some(waiting), Side::Server) if !due => {
                waiting.extend(&headers);
                true
            }
            _ => false,
        }
    }

    fn send_headers(&self) {
        let mut state = self.lock();
        if self.rules.side == Side::Client || state.is_head_due || state.headers.is_none() {
            return;
        }
        state.is_head_due = true;
        let tell = state.dirty();
        drop(state);
        if tell {
            self.touch();
        }
    }

    fn headers(&self) -> Option<Metadata> {
        (self.rules.side == Side::Client).then(|| self.lock().headers.clone())?
    }

    fn trailers(&self) -> Option<Metadata> {
        self.lock().trailers.clone()
    }

    fn release_recv(&self) {
        let mut state = self.lock();
        let was_open = matches!(state.source, Source::Open);
        if self.rules.side == Side::Client {
            if !was_open {
                return;
            }
            state.sink = Sink::Closed;
            state.clear_outbox(self.owner.outgoing());
        }
        if was_open {
            state.discard();
        }
        let writer = state.writer.take();
        let tell = state.dirty();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        if tell {
            self.touch();
        }
    }
}
