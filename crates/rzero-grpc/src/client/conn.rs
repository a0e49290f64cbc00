//! The task of a client's connection.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{CallInfo, Class, Error, Gone};
use rzero_http2::connection::{Connection, ConnectionError, GoAwayStep, Role};
use rzero_http2::frame::{ErrorCode, StreamId};
use tokio::time::{Instant, Sleep, sleep_until};

use super::calling::{Calling, StreamingCall, UnaryCall};
use super::pool::cores;
use super::replies::Replies;
use super::saturation::Saturation;
use super::shared::{Command, Shared, leaving};
use super::slot::Slot;
use crate::engine::{
    Cell, Intake, Io, Keepalive, Life, Link, Poured, Room, Scratch, report_fault, sheltered,
};
use crate::fields::{RequestHead, write_request};
use crate::message::{Assembler, PREFIX_BYTES};
use crate::options::ClientOptions;

/// How long the last words may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// From how many cores on a busy task is a reason for a further connection. On two, callers and
/// servers need the other one: 64 callers got through a fifth fewer calls over two connections.
const CORES_MIN: usize = 4;

/// What every request of a connection says.
pub(super) struct Target {
    pub(super) scheme: &'static str,
    pub(super) authority: String,
}

/// A call that waits for a stream.
enum Waiting {
    Unary(Arc<Slot>, CallInfo, ([u8; PREFIX_BYTES], Bytes)),
    Streaming(Arc<Cell>, CallInfo),
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// No more calls; those in flight end.
    Draining,
    /// The last words are on their way.
    Ending {
        until: Instant,
    },
}

/// A client's connection.
pub(super) struct Conn {
    link: Link,
    core: Connection<Calling>,
    target: Target,
    options: Arc<ClientOptions>,
    shared: Arc<Shared>,
    replies: Replies,
    commands: Vec<Command>,
    waiting: VecDeque<Waiting>,
    keepalive: Keepalive,
    saturation: Saturation,
    timer: Pin<Box<Sleep>>,
    stage: Stage,
    /// The other callers have had their turn since calls came.
    has_yielded: bool,
}

impl Conn {
    pub(super) fn new(
        io: Io,
        target: Target,
        options: Arc<ClientOptions>,
        shared: Arc<Shared>,
    ) -> Self {
        let now = Instant::now();
        let keepalive = Keepalive::new(
            options.keepalive_interval,
            options.keepalive_timeout,
            true,
            now,
        );
        Self {
            link: Link::new(io),
            core: Connection::new(Role::Client, options.http2.clone(), now.into_std()),
            target,
            shared,
            replies: Replies::new(&options),
            commands: Vec::new(),
            waiting: VecDeque::new(),
            timer: Box::pin(sleep_until(keepalive.due().unwrap_or(now))),
            keepalive,
            saturation: Saturation::new(now, cores() >= CORES_MIN),
            stage: Stage::Open,
            has_yielded: false,
            options,
        }
    }

    /// Waits until the peer has shown that it speaks HTTP/2.
    pub(super) async fn handshake(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            while !self.core.is_handshaken() {
                self.write(cx)?;
                let read = ready!(self.read(cx))?;
                if let Some(error) = read {
                    return Poll::Ready(Err(io::Error::other(error)));
                }
            }
            Poll::Ready(self.write(cx))
        })
        .await
    }

    /// Carries calls until the connection ends.
    pub(super) async fn run(mut self) {
        let ended = poll_fn(|cx| sheltered(|| self.turn(cx))).await;
        let why = ended.unwrap_or_else(|| {
            report_fault(&self.target.authority);
            "a fault in rzero".to_owned()
        });
        self.close(&why);
    }

    /// One turn of the task, and how long it took.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        let began = Instant::now();
        let polled = self.poll(cx);
        let streams = self.core.stream_count() + self.waiting.len();
        let streams_max = self.core.peer_streams_max();
        let ended = Instant::now();
        if let Some(now) = self.saturation.worked(began, ended, streams, streams_max) {
            self.shared.set_saturated(now);
        }
        polled
    }

    /// Ready at the end, with its reason.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            if let Poll::Ready(why) = self.poll_time(cx) {
                return Poll::Ready(why);
            }
            let commanded = self.obey(cx);
            if commanded && self.yields() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let read = match self.read(cx) {
                Poll::Ready(Ok(None)) => true,
                Poll::Ready(Ok(Some(error))) => {
                    // The peer is told what it did wrong, if it listens.
                    let _ = self.write(cx);
                    return Poll::Ready(error.to_string());
                }
                Poll::Ready(Err(error)) => return Poll::Ready(error.to_string()),
                Poll::Pending => false,
            };
            self.serve_turns();
            if let Err(error) = self.write(cx) {
                return Poll::Ready(error.to_string());
            }
            if self.is_over(cx) {
                return Poll::Ready("it was drained".to_owned());
            }
            if !commanded && !read && self.replies.writable.is_empty() {
                return self.rest(cx);
            }
        }
    }

    /// Calls come one by one, but the answers that let their callers go on come in batches: the
    /// task steps back once, so that the rest of a batch joins the same write. A lonely call never
    /// waits.
    fn yields(&mut self) -> bool {
        let yields = !self.has_yielded && self.core.stream_count() > 1;
        self.has_yielded = yields;
        yields
    }

    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        self.has_yielded = false;
        let due = match self.stage {
            Stage::Ending { until } => Some(until),
            _ => self.keepalive.due(),
        };
        if let Some(due) = due
            && (due < self.timer.deadline() || self.timer.is_elapsed())
        {
            self.timer.as_mut().reset(due);
            if self.timer.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        if let Stage::Ending { until } = self.stage
            && until <= now
        {
            return Poll::Ready("it was drained".to_owned());
        }
        match self.keepalive.check(now) {
            Life::Fine => {}
            Life::Ping => self.core.ping(*b"rz alive"),
            Life::Dead => return Poll::Ready("the peer gives no sign of life".to_owned()),
        }
        if self.core.stream_count() == 0 {
            self.link.shrink();
        }
        Poll::Pending
    }

    /// Carries out what callers ask for; `false` when there was nothing.
    fn obey(&mut self, cx: &Context<'_>) -> bool {
        let mut commands = mem::take(&mut self.commands);
        self.shared.mailbox.take(&mut commands, cx);
        let any = !commands.is_empty();
        let now = Instant::now();
        for command in commands.drain(..) {
            match command {
                Command::Unary(slot, info, message) => {
                    self.waiting.push_back(Waiting::Unary(slot, info, message));
                    self.open_waiting(now);
                }
                Command::Open(cell, info) => {
                    self.waiting.push_back(Waiting::Streaming(cell, info));
                    self.open_waiting(now);
                }
                Command::Touch(cell) => {
                    if let Some(stream) = cell.stream() {
                        self.pour(stream, &cell);
                    }
                }
                Command::Cancel(stream) => {
                    self.core.reset(stream, ErrorCode::CANCEL);
                }
                Command::Drain => self.drain(),
            }
        }
        self.commands = commands;
        any
    }

    fn drain(&mut self) {
        self.shared.close(Gone::Draining);
        if self.stage == Stage::Open {
            self.stage = Stage::Draining;
        }
    }

    /// Sends calls for as long as the peer takes more.
    fn open_waiting(&mut self, now: Instant) {
        while self.core.can_open()
            && let Some(waiting) = self.waiting.pop_front()
        {
            match waiting {
                Waiting::Unary(slot, info, message) => self.send_unary(slot, &info, message, now),
                Waiting::Streaming(cell, info) => self.send_open(&cell, &info, now),
            }
        }
        if self.core.go_away_received() || self.core.is_finished() {
            self.refuse_waiting();
        }
    }

    /// Nothing of these calls was sent.
    fn refuse_waiting(&mut self) {
        for waiting in self.waiting.drain(..) {
            waiting.refuse(leaving(), &mut self.replies.woken);
        }
        self.replies.woken.drain(..).for_each(Waker::wake);
    }

    fn send_unary(
        &mut self,
        slot: Arc<Slot>,
        info: &CallInfo,
        (prefix, body): ([u8; PREFIX_BYTES], Bytes),
        now: Instant,
    ) {
        if !slot.is_wanted() {
            return;
        }
        let Some(head) = self.target.head(info, &self.options, now) else {
            slot.complete(Err(too_late()), &mut self.replies.woken);
            return self.replies.woken.drain(..).for_each(Waker::wake);
        };
        let call = Calling::Unary(UnaryCall {
            slot: Arc::clone(&slot),
            head: None,
            assembler: Assembler::new(self.options.receive_bytes_max),
            message: None,
            room: Room::None,
        });
        let opened = self
            .core
            .open(call, false, |block| write_request(block, &head));
        let Ok(stream) = opened else {
            slot.complete(Err(leaving()), &mut self.replies.woken);
            return self.replies.woken.drain(..).for_each(Waker::wake);
        };
        self.core.data(stream, &prefix, body, true);
        if !slot.sent(stream) {
            self.core.reset(stream, ErrorCode::CANCEL);
        }
    }

    fn send_open(&mut self, cell: &Arc<Cell>, info: &CallInfo, now: Instant) {
        if cell.is_given_up() {
            return;
        }
        let Some(head) = self.target.head(info, &self.options, now) else {
            cell.fail(too_late(), None, &mut self.replies.woken);
            return self.replies.woken.drain(..).for_each(Waker::wake);
        };
        let call = Calling::Streaming(StreamingCall {
            intake: Intake::new(Arc::clone(cell), self.options.receive_bytes_max),
            has_head: false,
        });
        match self
            .core
            .open(call, false, |block| write_request(block, &head))
        {
            Ok(stream) => {
                cell.opened(stream);
                self.pour(stream, cell);
            }
            Err(_) => {
                cell.fail(leaving(), None, &mut self.replies.woken);
                self.replies.woken.drain(..).for_each(Waker::wake);
            }
        }
    }

    fn pour(&mut self, stream: StreamId, cell: &Cell) {
        if self.core.get_mut(stream).is_none() {
            return;
        }
        let woken = &mut self.replies.woken;
        // The head of a request is out since the call was opened.
        match cell.pour(&mut self.core, stream, woken, |_, _| ()) {
            Poured::Open => self.widen(stream),
            Poured::Drained => {
                self.core.end(stream);
            }
            Poured::Cancelled => {
                self.core.reset(stream, ErrorCode::CANCEL);
            }
        }
        self.replies.woken.drain(..).for_each(Waker::wake);
    }

    /// Lets the server send the rest of a message that its caller waits for.
    fn widen(&mut self, stream: StreamId) {
        if let Some(Calling::Streaming(call)) = self.core.get_mut(stream) {
            let bytes = call.intake.widen(stream, &mut self.replies.budget);
            self.core.widen(stream, bytes);
        }
    }

    /// Reads once. `Some` is why the connection cannot go on, with the last words in the core.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<ConnectionError>>> {
        let mut scratch = Scratch::new();
        let read = ready!(self.link.poll_read(cx, &mut scratch))?;
        if read == 0 {
            let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed it");
            return Poll::Ready(Err(ended));
        }
        if matches!(self.stage, Stage::Ending { .. }) {
            return Poll::Ready(Ok(None));
        }
        let now = Instant::now();
        self.replies.is_call = false;
        let received = self
            .core
            .receive(&scratch[..read], now.into_std(), &mut self.replies);
        drop(scratch);
        self.keepalive.heard(now, self.replies.is_call);
        self.settle(now);
        Poll::Ready(Ok(received.err()))
    }

    /// What follows from a batch.
    fn settle(&mut self, now: Instant) {
        if let Some((code, text)) = self.replies.leaving.take() {
            if code == ErrorCode::NO_ERROR {
                tracing::debug!(peer = self.target.authority, text, "the peer leaves");
            } else {
                tracing::warn!(peer = self.target.authority, %code, text, "the peer ends the connection");
            }
            self.drain();
        }
        let mut done = mem::take(&mut self.replies.done);
        for stream in done.drain(..) {
            // Gone already, unless the peer ended the call before we had said everything.
            if self.core.get_mut(stream).is_some() {
                self.core.reset(stream, ErrorCode::CANCEL);
            }
        }
        self.replies.done = done;
        self.pour_writable();
        self.replies.woken.drain(..).for_each(Waker::wake);
        if !self.waiting.is_empty() {
            self.open_waiting(now);
        }
        self.bound_memory();
    }

    fn pour_writable(&mut self) {
        let mut writable = mem::take(&mut self.replies.writable);
        for stream in writable.drain(..) {
            if let Some(Calling::Streaming(call)) = self.core.get_mut(stream) {
                let cell = Arc::clone(&call.intake.cell);
                self.pour(stream, &cell);
            }
        }
        if self.replies.writable.is_empty() {
            self.replies.writable = writable;
        }
    }

    /// Widens the windows of those whose turn has come.
    fn serve_turns(&mut self) {
        while let Some(stream) = self.replies.budget.turn() {
            let budget = &mut self.replies.budget;
            let served = match self.core.get_mut(stream) {
                Some(Calling::Unary(call)) => {
                    let missing = budget.missing(&call.assembler);
                    budget.serve(&mut call.room, missing)
                }
                Some(Calling::Streaming(call)) => {
                    let missing = call.intake.missing(budget);
                    budget.serve(&mut call.intake.room, missing)
                }
                None => {
                    budget.skip();
                    continue;
                }
            };
            let Some(bytes) = served else { break };
            self.core.widen(stream, bytes);
        }
    }

    /// Ends the stream that holds most while unread answers hold too much.
    fn bound_memory(&mut self) {
        while self.core.buffered() > self.options.receive_buffer_max {
            let mut streams = Vec::new();
            self.core.for_each(|stream, _| streams.push(stream));
            let most = streams.into_iter().max_by_key(|s| self.core.unconsumed(*s));
            let Some(call) = most.and_then(|s| self.core.reset(s, ErrorCode::CANCEL)) else {
                break;
            };
            let error = Error::new(Class::TooLarge, "the answer was not read fast enough");
            call.fail(error, &mut self.replies.woken);
        }
        self.replies.woken.drain(..).for_each(Waker::wake);
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            self.core.pump(&mut self.replies);
            if self.core.out().is_empty() && self.link.unsent() == 0 {
                break;
            }
            match self.link.poll_write(cx, self.core.out()) {
                Poll::Ready(result) => result?,
                Poll::Pending => break,
            }
            self.pour_writable();
            if !self.core.wants_write() {
                break;
            }
        }
        self.link.shrink_burst();
        Ok(())
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.stage != Stage::Draining || self.core.stream_count() > 0 || !self.waiting.is_empty()
        {
            return false;
        }
        self.core
            .go_away(GoAwayStep::Final, ErrorCode::NO_ERROR, "");
        let until = Instant::now() + GOODBYE;
        self.stage = Stage::Ending { until };
        if self.write(cx).is_err() {
            return true;
        }
        // The peer closes when it has read everything.
        let _ = self.link.poll_shutdown(cx);
        cx.waker().wake_by_ref();
        false
    }

    /// Ends everything that is left.
    fn close(mut self, why: &str) {
        self.shared.close(Gone::Lost);
        let mut lost_calls = 0;
        let mut woken = mem::take(&mut self.replies.woken);
        for command in self.shared.mailbox.close() {
            match command {
                Command::Unary(slot, ..) => slot.complete(Err(leaving()), &mut woken),
                Command::Open(cell, _) => cell.fail(leaving(), None, &mut woken),
                Command::Touch(_) | Command::Cancel(_) | Command::Drain => {}
            }
        }
        for waiting in self.waiting.drain(..) {
            waiting.refuse(leaving(), &mut woken);
        }
        for (_, call) in self.core.take_streams() {
            call.fail(lost(why), &mut woken);
            lost_calls += 1;
        }
        woken.into_iter().for_each(Waker::wake);
        let peer = &self.target.authority;
        if lost_calls > 0 {
            tracing::warn!(
                peer,
                why,
                calls = lost_calls,
                "connection lost with calls under way"
            );
        } else {
            tracing::debug!(peer, why, "connection closed");
        }
    }
}

impl Target {
    /// The head of a request; `None` when no time is left for it.
    fn head<'a>(
        &'a self,
        info: &'a CallInfo,
        options: &ClientOptions,
        now: Instant,
    ) -> Option<RequestHead<'a>> {
        let timeout = info.remaining(now);
        if timeout.is_some_and(|left| left.is_zero()) {
            return None;
        }
        Some(RequestHead {
            scheme: self.scheme,
            authority: &self.authority,
            path: info.method().path(),
            timeout,
            compression: options.compression,
            user_agent: options.user_agent,
            metadata: info.metadata(),
        })
    }
}

impl Waiting {
    fn refuse(self, error: Error, woken: &mut Vec<Waker>) {
        match self {
            Self::Unary(slot, ..) => slot.complete(Err(error), woken),
            Self::Streaming(cell, _) => cell.fail(error, None, woken),
        }
    }
}

impl Calling {
    fn fail(self, error: Error, woken: &mut Vec<Waker>) {
        match self {
            Self::Unary(call) => call.slot.complete(Err(error), woken),
            Self::Streaming(call) => call.intake.cell.fail(error, None, woken),
        }
    }
}

fn too_late() -> Error {
    Error::deadline_exceeded("the deadline passed before sending")
}

fn lost(why: &str) -> Error {
    let text = format!("the connection broke before the answer was complete: {why}");
    Error::new(Class::ConnectionLost, text)
}
