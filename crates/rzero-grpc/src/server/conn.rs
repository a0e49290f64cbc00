//! The task of a served connection.

use std::future::Future;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use bytes::Bytes;
use rzero_core::{Call, CallInfo, Duplex, Error, Handling, Peer, Phase, Reply, Stop, recover};

use rzero_http2::connection::{Connection, ConnectionError, GoAwayStep, Role};
use rzero_http2::frame::{ErrorCode, StreamId};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::{self, Core};
use super::context::{Context, Share};
use super::inline::{self, Begin, Page, Reader};
use super::life::{Clock, Due, Stage};
use super::requests::{Requests, Work};
use super::served::Served;
use super::shared::{Command, Shared};
use crate::engine::{Cell, Io, Link, Poured, Scratch};
use crate::message::{Encoding, Raw};

/// Inline answers between two looks at what waits to be written.
const ANSWERS_PER_WRITE: usize = 64;
/// Output that is written before the batch that it answers is used up.
const WRITE_BYTES: usize = 64 << 10;

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
    commands: Vec<Command>,
    /// Small messages are put together here.
    run: Vec<u8>,
    share: Share,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    /// The peer closed its side.
    is_read: bool,
}

impl Conn {
    /// A connection whose first bytes, `first`, were looked at already.
    pub(super) fn new(io: Io, peer: Arc<Peer>, context: Arc<Context>, jitter: f64) -> Self {
        let now = Instant::now();
        let shared = Shared::new();
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
            commands: Vec::new(),
            run: Vec::new(),
            share: Share::new(Arc::clone(&context)),
            clock,
            timer,
            is_read: false,
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
        let end = std::future::poll_fn(|cx| {
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
        })
        .await;
        self.close();
        end
    }

    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<End> {
        loop {
            if self.poll_time(cx).is_ready() {
                return Poll::Ready(End::Clean);
            }
            let commanded = self.obey(cx);
            let read = match self.poll_read(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => return self.broke(&error),
                Poll::Pending => false,
            };
            if let Err(error) = self.work(cx).and_then(|()| self.write(cx)) {
                return self.broke(&error);
            }
            if self.is_over(cx) {
                return Poll::Ready(End::Clean);
            }
            if !commanded && !read && self.requests.work.is_empty() {
                return self.rest(cx);
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
            }
        }
        self.commands = commands;
        any
    }

    /// Reads once, unless the peer takes too little of what it asked for.
    fn poll_read(&mut self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        let waiting = self.core.queued() + self.link.unsent();
        if self.is_read || waiting > self.context.options.send_buffer_max {
            return Poll::Pending;
        }
        let mut scratch = Scratch::new();
        let read = task::ready!(self.link.poll_read(cx, &mut scratch))?;
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
        self.requests.work.clear();
        let lost = || {
            Error::new(
                rzero_core::Class::Cancelled,
                "the connection of the caller broke",
            )
        };
        for (_, mut served) in self.core.take_streams() {
            served.abort();
            if let Served::Streaming(streaming) = served {
                streaming
                    .intake
                    .cell
                    .fail(lost(), None, &mut self.requests.woken);
            }
        }
        self.requests.woken.drain(..).for_each(Waker::wake);
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

    /// Runs what became ready, and writes when much of it is done.
    fn work(&mut self, cx: &mut task::Context<'_>) -> io::Result<()> {
        let mut done = 0;
        // Writing may make room that a stream waited for, which is more work.
        while !self.requests.work.is_empty() {
            let mut batch = mem::take(&mut self.requests.work);
            for work in batch.drain(..) {
                self.carry_out(work);
                done += 1;
                if done % ANSWERS_PER_WRITE == 0 && self.core.out().len() > WRITE_BYTES {
                    self.write(cx)?;
                }
            }
            if self.requests.work.is_empty() {
                self.requests.work = batch;
                break;
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, work: Work) {
        match work {
            Work::Unary {
                stream,
                info,
                message,
                encoding,
            } => self.unary(stream, info, message, encoding),
            Work::Stream { stream, info, cell } => self.stream(stream, info, cell),
            Work::Fail { stream, error } => {
                let cell = self
                    .core
                    .get_mut(stream)
                    .and_then(|served| served_cell(served));
                self.fail_call(stream, cell, error);
            }
            Work::Refuse { stream, refusal } => answer::refuse(&mut self.core, stream, refusal),
            Work::Pour { stream } => {
                if let Some(Served::Streaming(streaming)) = self.core.get_mut(stream) {
                    let cell = Arc::clone(&streaming.intake.cell);
                    self.pour(stream, &cell);
                }
            }
        }
    }

    /// Ends a call by our own decision.
    fn fail_call(&mut self, stream: StreamId, cell: Option<Arc<Cell>>, error: Error) {
        if let Some(served) = self.core.get_mut(stream) {
            served.abort();
            *served = Served::Answered {
                by: self.requests.now + self.context.options.handshake_timeout,
            };
        }
        match cell.map(|cell| cell.take_head()) {
            None => answer::fail(&mut self.core, stream, &error),
            Some(head) => {
                answer::finish(&mut self.core, stream, head, None, Err(error));
            }
        }
    }

    fn unary(&mut self, stream: StreamId, info: CallInfo, message: Raw, encoding: Encoding) {
        let method = info.method();
        let bytes_max = self.context.options.receive_bytes_max;
        if message.compressed || message.bytes.len() > inline::BYTES_MAX {
            let dispatch = Arc::clone(&self.context.dispatch);
            let work = async move {
                let body = message.open(encoding, bytes_max)?;
                dispatch.unary(Call { info, body }).await
            };
            return self.spawn_unary(stream, Box::pin(work), None);
        }
        let call = Call {
            info,
            body: message.bytes,
        };
        match self.methods.begin(method) {
            Begin::Elsewhere { measured } => {
                let page = measured.then(|| Arc::clone(self.methods.page(method)));
                let dispatch = Arc::clone(&self.context.dispatch);
                let work = async move { dispatch.unary(call).await };
                self.spawn_unary(stream, Box::pin(work), page);
            }
            Begin::Here => self.run_here(stream, call),
            Begin::HereMeasured => {
                let start = Instant::now();
                self.run_here(stream, call);
                self.methods.page(method).learn(start.elapsed());
            }
        }
    }

    /// Begins a handler on this task. It is polled once, without a waker: one that stays pending
    /// moves to a task of its own, which polls it at once, so that no wake-up is lost.
    fn run_here(&mut self, stream: StreamId, call: Call<Bytes>) {
        let dispatch = &*self.context.dispatch;
        let begun = catch_unwind(AssertUnwindSafe(|| {
            let mut work = dispatch.unary(call);
            let mut cx = task::Context::from_waker(Waker::noop());
            // The budget of this task is not the handler's.
            let first = std::pin::pin!(unconstrained(work.as_mut())).poll(&mut cx);
            (work, first)
        }));
        match begun {
            Ok((_, Poll::Ready(result))) => self.answer(stream, result),
            Ok((work, Poll::Pending)) => self.spawn_unary(stream, work, None),
            Err(_) => self.answer(stream, Err(Error::internal("internal error"))),
        }
    }

    fn spawn_unary(
        &mut self,
        stream: StreamId,
        work: Handling<Reply<Bytes>>,
        page: Option<Arc<Page>>,
    ) {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let result = recover(measured(work, page)).await;
            shared.send(Command::Answer(stream, result));
        });
        match self.core.get_mut(stream) {
            Some(Served::Running(running)) => running.task = Some(task.abort_handle()),
            // The caller has left.
            _ => task.abort(),
        }
    }

    fn answer(&mut self, stream: StreamId, result: Result<Reply<Bytes>, Error>) {
        let Some(served) = self.core.get_mut(stream) else {
            return;
        };
        let Served::Running(running) = served else {
            return;
        };
        let answers = running.answers;
        *served = Served::Answered {
            by: self.requests.now + self.context.options.handshake_timeout,
        };
        let send_bytes_max = self.context.options.send_bytes_max;
        answer::unary(&mut self.core, stream, result, answers, send_bytes_max);
    }

    fn stream(&mut self, stream: StreamId, info: CallInfo, cell: Arc<Cell>) {
        let dispatch = Arc::clone(&self.context.dispatch);
        let shared = Arc::clone(&self.shared);
        let body = Duplex::new(cell);
        let task = tokio::spawn(async move {
            let work = async move { dispatch.stream(Call { info, body }).await };
            let result = recover(work).await;
            shared.send(Command::Finish(stream, result));
        });
        match self.core.get_mut(stream) {
            Some(Served::Streaming(streaming)) => streaming.task = Some(task.abort_handle()),
            _ => task.abort(),
        }
    }

    /// Moves what waits in a cell into the core, and ends the call when it is done.
    fn pour(&mut self, stream: StreamId, cell: &Cell) {
        let now = self.requests.now;
        let Some(Served::Streaming(streaming)) = self.core.get_mut(stream) else {
            return;
        };
        streaming.since = now;
        let answers = streaming.answers;
        if cell.wants_head()
            && let Some(head) = cell.take_head()
        {
            self.core.headers(stream, false, |block| {
                crate::fields::write_head(block, &head, answers);
            });
        }
        let woken = &mut self.requests.woken;
        let poured = cell.pour(&mut self.core, stream, &mut self.run, woken);
        woken.drain(..).for_each(Waker::wake);
        if poured != Poured::Drained {
            return self.widen(stream);
        }
        if let Some(served) = self.core.get_mut(stream)
            && let Served::Streaming(streaming) = served
            && let Some(result) = streaming.finish.take()
        {
            *served = Served::Answered {
                by: now + self.context.options.handshake_timeout,
            };
            answer::finish(&mut self.core, stream, cell.take_head(), answers, result);
        }
    }

    /// Lets the caller send the rest of a message that its handler waits for.
    fn widen(&mut self, stream: StreamId) {
        if let Some(Served::Streaming(streaming)) = self.core.get_mut(stream) {
            let wanted = streaming.intake.wanted();
            self.core.widen(stream, wanted);
        }
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

    fn close(mut self) {
        for command in self.shared.mailbox.close() {
            drop(command);
        }
        self.abandon();
    }

    /// Ends calls that hang on their peer: whose message does not come, or whose answer is not
    /// taken.
    fn sweep(&mut self, now: Instant) {
        let mut late = Vec::new();
        self.core.for_each(|stream, served| match served {
            Served::Gathering(gather) if gather.by <= now => late.push((stream, true)),
            Served::Refused { by, .. } | Served::Answered { by } if *by <= now => {
                late.push((stream, false))
            }
            _ => {}
        });
        for (stream, is_gathering) in late {
            if is_gathering {
                let text = "no whole request before the deadline";
                let error = Error::new(rzero_core::Class::ExpiredInQueue, text);
                self.fail_call(stream, None, error);
            } else {
                self.core.reset(stream, ErrorCode::CANCEL);
            }
        }
    }

    /// Ends the calls that hold unread bytes for longest while there are too many of those.
    fn bound_memory(&mut self) {
        let options = &self.context.options;
        let (own_max, all_max) = (options.receive_buffer_max, options.receive_buffer_total_max);
        let own = self.core.buffered();
        let all = self.share.set(own);
        let mut excess = own
            .saturating_sub(own_max)
            .max(all.saturating_sub(all_max).min(own));
        while excess > 0 {
            let Some((stream, held, cell)) = self.most_stalled() else {
                break;
            };
            self.fail_call(stream, cell, answer::too_much());
            self.core.reset(stream, ErrorCode::ENHANCE_YOUR_CALM);
            excess = excess.saturating_sub(held.max(1));
        }
        if excess == 0 && own > 0 {
            self.share.set(self.core.buffered());
        }
    }

    fn most_stalled(&mut self) -> Option<(StreamId, usize, Option<Arc<Cell>>)> {
        let mut worst: Option<(Instant, StreamId, Option<Arc<Cell>>)> = None;
        self.core.for_each(|stream, served| {
            let (since, cell) = match served {
                Served::Gathering(gather) => (gather.info.received(), None),
                Served::Streaming(streaming) => (streaming.since, Some(&streaming.intake.cell)),
                Served::Running(_) | Served::Refused { .. } | Served::Answered { .. } => return,
            };
            if worst.as_ref().is_none_or(|(at, ..)| since < *at) {
                worst = Some((since, stream, cell.map(Arc::clone)));
            }
        });
        let (_, stream, cell) = worst?;
        Some((stream, self.core.unconsumed(stream), cell))
    }
}

fn served_cell(served: &Served) -> Option<Arc<Cell>> {
    match served {
        Served::Streaming(streaming) => Some(Arc::clone(&streaming.intake.cell)),
        _ => None,
    }
}

/// Polls `work`, and learns how long its first step takes when there is a page to write that on.
async fn measured(
    mut work: Handling<Reply<Bytes>>,
    mut page: Option<Arc<Page>>,
) -> Result<Reply<Bytes>, Error> {
    std::future::poll_fn(move |cx| {
        let Some(page) = page.take() else {
            return work.as_mut().poll(cx);
        };
        let start = Instant::now();
        let polled = work.as_mut().poll(cx);
        page.learn(start.elapsed());
        polled
    })
    .await
}
