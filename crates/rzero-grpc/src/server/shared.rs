//! How handlers reach the task of their connection.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::thread::available_parallelism;

use bytes::Bytes;
use rzero_core::{Error, Reply, Trailers};
use rzero_http2::frame::StreamId;

use crate::engine::{Cell, Mailbox, Outgoing, Touch};

/// What a handler's task asks of its connection's.
pub(super) enum Command {
    /// The answer of a unary call.
    Answer(StreamId, Result<Reply<Bytes>, Error>),
    /// The end of a call that streams.
    Finish(StreamId, Result<Trailers, Error>),
    /// A stream's cell wants to be looked at.
    Touch(Arc<Cell>),
    /// Handlers have begun, so that more can.
    Resume,
}

/// What a connection shares with its handlers.
pub(super) struct Shared {
    pub(super) mailbox: Mailbox<Command>,
    outgoing: Outgoing,
    /// Handlers on tasks of their own whose first step has not been taken.
    fresh: AtomicUsize,
    /// Calls are held back until some of them have.
    is_holding: AtomicBool,
}

impl Shared {
    /// `send_buffer_max` is what may wait, half of it in cells and half of it in the core.
    pub(super) fn new(send_buffer_max: usize) -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
            outgoing: Outgoing::new(send_buffer_max / 2),
            fresh: AtomicUsize::new(0),
            is_holding: AtomicBool::new(false),
        })
    }

    /// Whether so many handlers wait for their first step that more would only keep the calls of
    /// others waiting behind them.
    pub(super) fn is_crowded(&self) -> bool {
        let fresh_max = fresh_max();
        if self.fresh.load(Ordering::Relaxed) < fresh_max {
            return false;
        }
        self.is_holding.store(true, Ordering::SeqCst);
        // One may have begun meanwhile, and not have seen that we hold.
        self.fresh.load(Ordering::SeqCst) >= fresh_max
    }

    /// A handler gets a task of its own.
    pub(super) fn begins(self: &Arc<Self>) -> Fresh {
        self.fresh.fetch_add(1, Ordering::Relaxed);
        Fresh(Some(Arc::clone(self)))
    }

    fn has_begun(&self) {
        let before = self.fresh.fetch_sub(1, Ordering::SeqCst);
        if before <= fresh_max() / 2 + 1 && self.is_holding.swap(false, Ordering::SeqCst) {
            self.send(Command::Resume);
        }
    }

    /// Leaves a command. On a connection that is gone nobody waits for what it says.
    pub(super) fn send(&self, command: Command) {
        let _ = self.mailbox.send(command);
    }
}

/// Counts a handler until it has taken its first step.
pub(super) struct Fresh(Option<Arc<Shared>>);

impl Fresh {
    /// Polls a handler, and counts that it has begun.
    pub(super) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let polled = poll();
        if let Some(shared) = self.0.take() {
            shared.has_begun();
        }
        polled
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.has_begun();
        }
    }
}

/// How many handlers of a connection may wait for their first step: what keeps all cores busy, and
/// no more. A peer that sends thousands of calls at once has them begun as others have theirs.
fn fresh_max() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| available_parallelism().map_or(1, NonZeroUsize::get));
    (cores * 2).max(4)
}

impl Touch for Shared {
    fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    fn touch(&self, cell: Arc<Cell>) {
        self.send(Command::Touch(cell));
    }
}
