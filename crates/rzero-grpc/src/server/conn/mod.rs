//! The task of a served connection.

mod backlog;
mod bounds;
mod work;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use rzero_core::{Class, Error, Peer, Phase, Stop};
use rzero_http2::connection::{Connection, ConnectionError, GoAwayStep, Leftover, Role};
use rzero_http2::frame::ErrorCode;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::Core;
use super::context::{Context, Share};
use super::inline::Reader;
use super::life::{Clock, Due, Stage};
use super::requests::{Requests, Work};
use super::served::Served;
use super::shared::{Command, Shared};
use backlog::Backlog;

use crate::engine::{Io, Link, Scratch, report_fault, sheltered};

/// How long a connection works before others have their turn. A batch of quick calls takes a fifth
/// of it; a peer that sends thousands of frames which all cost something takes many turns.
const SLICE: Duration = Duration::from_micros(200);
/// What is read at a time from a peer whose bytes make much work, and from one whose do not.
const READ_BYTES: [usize; 2] = [16 << 10, 64 << 10];
/// Bytes for each piece of work above which a batch made little of it.
const LITTLE_WORK_BYTES: usize = 1024;

/// What is still read of a peer after the last words, in bytes: what it had sent before it could
/// hear them.
const LINGER_BYTES_MAX: usize = 256 << 10;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With nothing under way.
    Clean,
    /// With calls under way, because the server had to go.
    Cut,
}

/// A served connection.
pub(super) struct Conn {
    link: Link,
    core: Core,
    context: Arc<Context>,
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    requests: Requests,
    methods: Reader,
    /// Calls that begin when the peer has taken more of its answers, and handlers before them have
    /// begun.
    held: VecDeque<Work>,
    /// The bytes of their messages.
    held_bytes: usize,
    backlog: Backlog,
    commands: Vec<Command>,
    share: Share,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    /// What was read behind the last words.
    lingered: usize,
    /// How much is read at a time.
    read_bytes: usize,
    /// The peer closed its side.
    is_read: bool,
    /// Calls that ended with the connection and still have to be told.
    leftover: Option<Leftover<Served>>,
}

impl Conn {
    /// A connection whose first bytes, `first`, were looked at already.
    pub(super) fn new(io: Io, peer: Arc<Peer>, context: Arc<Context>, jitter: f64) -> Self {
        let now = Instant::now();
        let shared = Shared::new(context.options.send_buffer_max);
        let config = context.options.http2.clone();
        let clock = Clock::new(&context.options, jitter, now);
        let timer = Box::pin(sleep_until(clock.due().unwrap_or(now)));
        Self {
            link: Link::new(io),
            core: Connection::new(Role::Server, config, now.into_std()),
            requests: Requests::new(
                Arc::clone(&context),
                Arc::clone(&shared),
                Arc::clone(&peer),
                now,
            ),
            methods: Reader::new(Arc::clone(&context.book)),
            held: VecDeque::new(),
            held_bytes: 0,
            backlog: Backlog::new(context.options.send_buffer_max),
            commands: Vec::new(),
            share: Share::new(Arc::clone(&context)),
            clock,
            timer,
            lingered: 0,
            read_bytes: READ_BYTES[0],
            is_read: false,
            leftover: None,
            context,
            shared,
            peer,
        }
    }

    /// Serves to the end. `first` was read from the socket already.
    pub(super) async fn serve(mut self, first: &[u8], stop: Stop) -> End {
        let closing = stop.reached(Phase::Close);
        let cut = stop.reached(Phase::Cut);
        tokio::pin!(closing, cut);
        let mut is_closing = false;
        self.receive(first);
        let mut poll = |cx: &mut task::Context<'_>| {
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(if self.calls() > 0 {
                    End::Cut
                } else {
                    End::Clean
                });
            }
            if !is_closing && closing.as_mut().poll(cx).is_ready() {
                is_closing = true;
                self.announce("the server leaves");
            }
            self.poll(cx)
        };
        let ended = std::future::poll_fn(|cx| sheltered(|| poll(cx))).await;
        let end = ended.unwrap_or_else(|| {
            report_fault(&self.peer.address);
            End::Cut
        });
        self.close().await;
        end
    }

    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<End> {
        let started = Instant::now();
        loop {
            if self.poll_time(cx).is_ready() {
                return Poll::Ready(End::Clean);
            }
            let buried = self.bury(started);
            let commanded = self.obey(cx);
            // What is left of the last batch comes first; then nobody has asked the socket yet.
            let is_behind = !self.requests.work.is_empty();
            let read = match self.poll_read(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => return self.broke(&error),
                Poll::Pending => false,
            };
            self.serve_turns();
            if let Err(error) = self.work(cx, started).and_then(|()| self.write(cx)) {
                return self.broke(&error);
            }
            if self.is_over(cx) {
                return Poll::Ready(End::Clean);
            }
            let resumed = self.resume(started);
            let is_idle = !(buried || commanded || is_behind || read || resumed);
            if is_idle && self.requests.work.is_empty() {
                return self.rest(cx);
            }
            if is_used_up(started) {
                // To the end of the line, behind what other sockets have to say: a task that wakes
                // itself keeps its worker from looking at those for dozens of turns.
                let _ = pin!(tokio::task::yield_now()).poll(cx);
                return Poll::Pending;
            }
        }
    }

    /// Goes to sleep with the timer set.
    fn rest(&mut self, cx: &mut task::Context<'_>) -> Poll<End> {
        let Some(due) = self.clock.due() else {
            return Poll::Pending;
        };
        if due < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(due);
            if self.timer.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }

    /// Does what the time asks for; ready when that is the end.
    fn poll_time(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        loop {
            match self.clock.check(now) {
                Due::Nothing => break,
                Due::Ping => self.core.ping(*b"rz alive"),
                Due::Announce(why) => self.announce(why),
                Due::Final => self.finish(now),
                Due::Sweep => self.sweep(now),
                Due::Close => return Poll::Ready(()),
                Due::Dead => {
                    self.complain(&"the peer gives no sign of life");
                    return Poll::Ready(());
                }
                Due::TooSlow => {
                    self.fail(ErrorCode::ENHANCE_YOUR_CALM, "too slow");
                    self.complain(&"no whole handshake or header block in time");
                    break;
                }
            }
        }
        if self.core.stream_count() == 0 {
            self.link.shrink();
        }
        Poll::Pending
    }

    fn complain(&self, why: &dyn std::fmt::Display) {
        self.context.complain(&self.peer.address, why);
    }

    /// Calls that run.
    fn calls(&mut self) -> usize {
        let mut calls = 0;
        self.core
            .for_each(|_, served| calls += usize::from(served.is_call()));
        calls
    }

    /// Carries out what handlers ask for; `false` when there was nothing.
    fn obey(&mut self, cx: &task::Context<'_>) -> bool {
        let mut commands = mem::take(&mut self.commands);
        self.shared.mailbox.take(&mut commands, cx);
        let any = !commands.is_empty();
        for command in commands.drain(..) {
            match command {
                Command::Answer(stream, result) => self.answer(stream, result),
                Command::Finish(stream, result) => {
                    if let Some(Served::Streaming(streaming)) = self.core.get_mut(stream) {
                        streaming.finish = Some(result);
                        let cell = Arc::clone(&streaming.intake.cell);
                        cell.finish();
                        self.pour(stream, &cell);
                    }
                }
                Command::Touch(cell) => {
                    if let Some(stream) = cell.stream() {
                        self.pour(stream, &cell);
                    }
                }
                Command::Resume => {}
            }
        }
        self.commands = commands;
        any
    }

    /// Reads once, unless there is work left of what was read before.
    fn poll_read(&mut self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        if self.is_read || !self.requests.work.is_empty() {
            return Poll::Pending;
        }
        let mut scratch = Scratch::new();
        let into = scratch.get_mut(..self.read_bytes).unwrap_or_default();
        let read = task::ready!(self.link.poll_read(cx, into))?;
        if read == 0 {
            self.is_read = true;
            if !matches!(self.clock.stage, Stage::Lingering { .. })
                && let Err(error) = self.core.receive_end()
            {
                tracing::debug!(peer = %self.peer.address, %error, "connection broke");
            }
        } else {
            self.receive(&scratch[..read]);
        }
        Poll::Ready(Ok(()))
    }

    fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.clock.stage, Stage::Lingering { .. }) || self.core.is_finished() {
            self.lingered += bytes.len();
            return;
        }
        let now = Instant::now();
        self.requests.begin(now);
        let received = self.core.receive(bytes, now.into_std(), &mut self.requests);
        self.requests.woken.drain(..).for_each(Waker::wake);
        self.clock.keepalive.heard(now, self.requests.is_call);
        if let Err(error) = received {
            return self.failed(&error);
        }
        if self.requests.pong && matches!(self.clock.stage, Stage::Announced { .. }) {
            self.finish(now);
        }
        let is_much = self.requests.work.len() * LITTLE_WORK_BYTES > bytes.len();
        self.read_bytes = READ_BYTES[usize::from(!is_much)];
        let is_unfinished = !self.core.is_handshaken() || self.core.is_in_block();
        let streams = self.core.stream_count();
        self.clock.batch(now, is_unfinished, streams);
        self.bound_memory();
    }

    /// The peer broke a rule or reached a limit: its calls end with the connection.
    fn failed(&mut self, error: &ConnectionError) {
        self.complain(error);
        self.abandon();
    }

    fn fail(&mut self, code: ErrorCode, why: &'static str) {
        self.core.fail(code, why);
        self.abandon();
    }

    /// Nobody waits for the answers any more.
    fn abandon(&mut self) {
        // What a burst left allocated would be held while the last words are said.
        self.requests.work = Vec::new();
        self.held = VecDeque::new();
        self.held_bytes = 0;
        self.requests.running = 0;
        self.read_bytes = READ_BYTES[0];
        if self.leftover.is_none() {
            self.leftover = Some(self.core.take_streams());
        }
        self.core.shrink();
    }

    /// Ends calls that were abandoned until this turn is used up: what waited to be sent on
    /// thousands of them takes milliseconds to free. `false` when there were none.
    fn bury(&mut self, started: Instant) -> bool {
        let Some(mut leftover) = self.leftover.take() else {
            return false;
        };
        let lost = || Error::new(Class::Cancelled, "the connection of the caller broke");
        for (_, mut served) in leftover.by_ref() {
            served.abort();
            if let Served::Streaming(streaming) = served {
                streaming
                    .intake
                    .cell
                    .fail(lost(), None, &mut self.requests.woken);
            }
            if is_used_up(started) {
                self.leftover = Some(leftover);
                break;
            }
        }
        self.requests.woken.drain(..).for_each(Waker::wake);
        true
    }

    fn announce(&mut self, why: &'static str) {
        if self.clock.stage == Stage::Serving {
            tracing::debug!(peer = %self.peer.address, why, "asking the peer to leave");
            self.core
                .go_away(GoAwayStep::Announce, ErrorCode::NO_ERROR, why);
            self.core.ping(*b"rz leave");
            self.clock.announced(Instant::now());
        }
    }

    fn finish(&mut self, now: Instant) {
        self.core
            .go_away(GoAwayStep::Final, ErrorCode::NO_ERROR, "");
        self.clock.finished(now);
    }

    /// Writes as much as the socket takes.
    fn write(&mut self, cx: &mut task::Context<'_>) -> io::Result<()> {
        loop {
            self.core.pump(&mut self.requests);
            if self.core.out().is_empty() && self.link.unsent() == 0 {
                break;
            }
            match self.link.poll_write(cx, self.core.out()) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
            if !self.core.wants_write() {
                break;
            }
        }
        self.link.shrink_burst();
        Ok(())
    }

    /// Whether all is said and done.
    fn is_over(&mut self, cx: &mut task::Context<'_>) -> bool {
        if self.lingered > LINGER_BYTES_MAX {
            return true;
        }
        let is_unsaid = self.link.unsent() > 0 || self.core.wants_write();
        // A peer that closed its side is gone; what was answered by then may still reach it.
        if self.is_read || is_unsaid {
            if self.is_read && !matches!(self.clock.stage, Stage::Lingering { .. }) {
                self.clock.lingers(Instant::now());
            }
            return self.is_read && !is_unsaid;
        }
        let is_leaving =
            self.requests.is_leaving || matches!(self.clock.stage, Stage::Final { .. });
        if matches!(self.clock.stage, Stage::Lingering { .. })
            || !(self.core.is_finished() || is_leaving && self.core.stream_count() == 0)
        {
            return false;
        }
        // Closing now would reset the connection if bytes of the peer were unread, and lose the
        // last words: the peer closes when it has read them.
        let _ = self.link.poll_shutdown(cx);
        self.clock.lingers(Instant::now());
        false
    }

    fn broke(&mut self, error: &io::Error) -> Poll<End> {
        tracing::debug!(peer = %self.peer.address, %error, "connection broke");
        Poll::Ready(End::Clean)
    }

    async fn close(mut self) {
        drop(self.shared.mailbox.close());
        self.abandon();
        while self.bury(Instant::now()) {
            tokio::task::yield_now().await;
        }
    }
}

/// Whether a turn that began at `started` has lasted long enough.
fn is_used_up(started: Instant) -> bool {
    started.elapsed() > SLICE
}
