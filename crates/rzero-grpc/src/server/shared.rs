//! How handlers reach the task of their connection.

use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{Error, Reply, Trailers};
use rzero_http2::frame::StreamId;

use crate::engine::{Cell, Mailbox, Touch};

/// What a handler's task asks of its connection's.
pub(super) enum Command {
    /// The answer of a unary call.
    Answer(StreamId, Result<Reply<Bytes>, Error>),
    /// The end of a call that streams.
    Finish(StreamId, Result<Trailers, Error>),
    /// A stream's cell wants to be looked at.
    Touch(Arc<Cell>),
}

/// What a connection shares with its handlers.
pub(super) struct Shared {
    pub(super) mailbox: Mailbox<Command>,
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
        })
    }

    /// Leaves a command. On a connection that is gone nobody waits for what it says.
    pub(super) fn send(&self, command: Command) {
        let _ = self.mailbox.send(command);
    }
}

impl Touch for Shared {
    fn touch(&self, cell: Arc<Cell>) {
        self.send(Command::Touch(cell));
    }
}
