//! Running handlers, and writing what they give.

use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use bytes::Bytes;
use rzero_core::{Call, CallInfo, Duplex, Error, Handling, Metadata, Reply, recover};
use rzero_http2::frame::StreamId;
use tokio::task::unconstrained;
use tokio::time::Instant;

use super::{Conn, is_used_up};
use crate::engine::{Cell, Poured};
use crate::message::{Encoding, Raw};
use crate::server::answer::{self, Core};
use crate::server::inline::{self, Begin, Page};
use crate::server::requests::Work;
use crate::server::served::Served;
use crate::server::shared::Command;

/// Inline answers between two looks at what waits to be written.
const ANSWERS_PER_WRITE: usize = 64;
/// Output that is written before the batch that it answers is used up.
const WRITE_BYTES: usize = 64 << 10;
/// Inline answers between two looks at the clock, and bytes of them.
const ANSWERS_PER_LOOK: usize = 8;
const BYTES_PER_LOOK: usize = 64 << 10;

/// What a caller is told that reads too little.
const UNTAKEN: &str = "the caller does not take the answers to earlier calls (send_buffer)";

impl Conn {
    /// Runs what became ready, and writes when much of it is done. What the turn that began at
    /// `started` has no time for is left.
    pub(super) fn work(&mut self, cx: &mut task::Context<'_>, started: Instant) -> io::Result<()> {
        let (mut done, mut seen) = (0, self.answers_waiting());
        // Writing may make room that a stream waited for, which is more work.
        while !self.requests.work.is_empty() {
            let mut batch = mem::take(&mut self.requests.work);
            let mut rest = batch.drain(..);
            for work in rest.by_ref() {
                if work.begins_a_call() && self.has_to_wait() {
                    self.hold(work);
                    continue;
                }
                self.carry_out(work);
                done += 1;
                if done % ANSWERS_PER_WRITE == 0 && self.core.out().len() > WRITE_BYTES {
                    self.write(cx)?;
                }
                let waiting = self.answers_waiting();
                if done % ANSWERS_PER_LOOK == 0 || waiting > seen + BYTES_PER_LOOK {
                    seen = waiting;
                    if is_used_up(started) {
                        break;
                    }
                }
            }
            if rest.len() > 0 {
                let mut left: Vec<_> = rest.collect();
                left.append(&mut self.requests.work);
                self.requests.work = left;
                break;
            }
            drop(rest);
            if self.requests.work.is_empty() {
                self.requests.work = batch;
                break;
            }
        }
        Ok(())
    }

    fn answers_waiting(&self) -> usize {
        self.core.queued() + self.link.unsent()
    }

    /// Whether no more calls begin now: in the order in which they came.
    fn has_to_wait(&mut self) -> bool {
        !self.held.is_empty() || self.shared.is_crowded() || self.is_clogged()
    }

    /// Whether the peer takes so little of its answers that no more calls begin. Reading goes on:
    /// what the peer has to say may be that it takes more.
    fn is_clogged(&mut self) -> bool {
        let (waiting, running) = (self.answers_waiting(), self.requests.running);
        let taken = self.link.written();
        self.backlog.is_clogged(waiting, running, taken)
    }

    /// Lets a call begin later; its message counts as one that was not consumed.
    fn hold(&mut self, work: Work) {
        let bytes = self.held_bytes + work.message_bytes();
        if bytes > self.context.options.receive_buffer_max {
            let error = Error::overloaded(UNTAKEN);
            self.fail_call(work.stream(), None, error);
        } else {
            self.held_bytes = bytes;
            self.held.push_back(work);
        }
    }

    /// Begins calls that were held back, as far as there is room and time; `false` when there were
    /// none.
    pub(super) fn resume(&mut self, started: Instant) -> bool {
        let mut any = false;
        while !self.held.is_empty()
            && !self.shared.is_crowded()
            && !self.is_clogged()
            && let Some(work) = self.held.pop_front()
        {
            any = true;
            self.held_bytes -= work.message_bytes();
            // The caller may have left meanwhile.
            if self.core.get_mut(work.stream()).is_some() {
                self.carry_out(work);
            }
            if is_used_up(started) {
                break;
            }
        }
        any
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
    pub(super) fn fail_call(&mut self, stream: StreamId, cell: Option<Arc<Cell>>, error: Error) {
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
            let context = Arc::clone(&self.context);
            let work = async move {
                let body = context.inflater.open(message, encoding, bytes_max).await?;
                context.dispatch.unary(Call { info, body }).await
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
            let first = pin!(unconstrained(work.as_mut())).poll(&mut cx);
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
        let mut fresh = self.shared.begins();
        let task = tokio::spawn(async move {
            let mut work = pin!(recover(measured(work, page)));
            let result = poll_fn(|cx| fresh.poll(|| work.as_mut().poll(cx))).await;
            shared.send(Command::Answer(stream, result));
        });
        match self.core.get_mut(stream) {
            Some(Served::Running(running)) => {
                running.task = Some(task.abort_handle());
                self.requests.running += 1;
            }
            // The caller has left.
            _ => task.abort(),
        }
    }

    pub(super) fn answer(&mut self, stream: StreamId, mut result: Result<Reply<Bytes>, Error>) {
        let waiting = self.answers_waiting();
        let Some(served) = self.core.get_mut(stream) else {
            return;
        };
        let Served::Running(running) = served else {
            return;
        };
        let answers = running.answers;
        self.requests.running -= usize::from(running.task.is_some());
        *served = Served::Answered {
            by: self.requests.now + self.context.options.handshake_timeout,
        };
        if let Ok(reply) = &result
            && !self.backlog.takes(waiting, reply.body.len())
        {
            result = Err(Error::overloaded(UNTAKEN));
        }
        let send_bytes_max = self.context.options.send_bytes_max;
        answer::unary(&mut self.core, stream, result, answers, send_bytes_max);
    }

    fn stream(&mut self, stream: StreamId, info: CallInfo, cell: Arc<Cell>) {
        let dispatch = Arc::clone(&self.context.dispatch);
        let shared = Arc::clone(&self.shared);
        let body = Duplex::new(cell);
        let mut fresh = self.shared.begins();
        let task = tokio::spawn(async move {
            let work = async move { dispatch.stream(Call { info, body }).await };
            let mut work = pin!(recover(work));
            let result = poll_fn(|cx| fresh.poll(|| work.as_mut().poll(cx))).await;
            shared.send(Command::Finish(stream, result));
        });
        match self.core.get_mut(stream) {
            Some(Served::Streaming(streaming)) => streaming.task = Some(task.abort_handle()),
            _ => task.abort(),
        }
    }

    /// Moves what waits in a cell into the core, and ends the call when it is done.
    pub(super) fn pour(&mut self, stream: StreamId, cell: &Cell) {
        let now = self.requests.now;
        let Some(Served::Streaming(streaming)) = self.core.get_mut(stream) else {
            return;
        };
        streaming.since = now;
        let answers = streaming.answers;
        let send_head = |core: &mut Core, head: &Metadata| {
            core.headers(stream, false, |block| {
                crate::fields::write_head(block, head, answers);
            });
        };
        let woken = &mut self.requests.woken;
        let poured = cell.pour(&mut self.core, stream, woken, send_head);
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
            let bytes = streaming.intake.widen(stream, &mut self.requests.budget);
            self.core.widen(stream, bytes);
        }
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
    poll_fn(move |cx| {
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
