//! How callers reach the task of their connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bytes::Bytes;
use rzero_core::{CallInfo, Class, Error, Fixed, Gone};
use rzero_http2::frame::StreamId;
use tokio::sync::watch;

use super::slot::Slot;
use crate::engine::{Cell, Mailbox, Outgoing, Touch};
use crate::message::PREFIX_BYTES;

/// What may wait in the streams of a connection before each has to do with one message, in bytes.
const OUTGOING_BYTES_MAX: usize = 16 << 20;

static LEAVING: Fixed = Fixed::new(Class::Draining, "the connection takes no more calls");
static TOO_MANY: Fixed = Fixed::new(
    Class::Overloaded,
    "too many calls are in flight on the connection (calls_max)",
);

/// The error of a call that the connection does not take: nothing was sent.
pub(super) fn leaving() -> Error {
    Error::fixed(&LEAVING)
}

/// What a caller asks of its connection's task.
pub(super) enum Command {
    /// A unary call, with its message ready to be sent.
    Unary(Arc<Slot>, CallInfo, ([u8; PREFIX_BYTES], Bytes)),
    /// A call that streams.
    Open(Arc<Cell>, CallInfo),
    /// A stream's cell wants to be looked at.
    Touch(Arc<Cell>),
    /// Nobody waits for the answer any more.
    Cancel(StreamId),
    /// No more calls.
    Drain,
}

/// What a connection shares with its callers.
pub(super) struct Shared {
    pub(super) mailbox: Mailbox<Command>,
    outgoing: Outgoing,
    pub(super) gone: watch::Sender<Option<Gone>>,
    is_open: AtomicBool,
    is_saturated: AtomicBool,
    calls: AtomicU32,
    in_flight: AtomicU32,
    calls_max: u32,
}

impl Shared {
    pub(super) fn new(calls_max: u32) -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
            outgoing: Outgoing::new(OUTGOING_BYTES_MAX),
            gone: watch::Sender::new(None),
            is_open: AtomicBool::new(true),
            is_saturated: AtomicBool::new(false),
            calls: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            calls_max,
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether the task has as much to do as it can, or the peer's streams run out.
    pub(super) fn is_saturated(&self) -> bool {
        self.is_saturated.load(Ordering::Relaxed)
    }

    pub(super) fn set_saturated(&self, is_saturated: bool) {
        self.is_saturated.store(is_saturated, Ordering::Relaxed);
    }

    /// Calls so far, to see whether there are more; it wraps.
    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Takes no more calls from here on. What is known only gets worse.
    pub(super) fn close(&self, why: Gone) {
        self.is_open.store(false, Ordering::Release);
        self.gone.send_if_modified(|now| {
            let changed = *now != Some(why) && *now != Some(Gone::Lost);
            if changed {
                *now = Some(why);
            }
            changed
        });
    }

    /// Counts a call, also one that is refused, until it has [`left`](Touch::left).
    pub(super) fn enter(&self) -> Result<(), Error> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        match () {
            () if !self.is_open() => Err(leaving()),
            () if before >= self.calls_max => Err(Error::fixed(&TOO_MANY)),
            () => Ok(()),
        }
    }
}

impl Touch for Shared {
    fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    fn touch(&self, cell: Arc<Cell>) {
        // On a connection that is gone the cell has been told.
        let _ = self.mailbox.send(Command::Touch(cell));
    }

    fn left(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
