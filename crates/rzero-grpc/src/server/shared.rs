//! How handlers reach the task of their connection.

use std::sync::Arc;

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
}

/// What a connection shares with its handlers.
pub(super) struct Shared {
    pub(super) mailbox: Mailbox<Command>,
    outgoing: Outgoing,
}

impl Shared {
    /// `send_buffer_max` is what may wait, half of it in cells and half of it in the core.
    pub(super) fn new(send_buffer_max: usize) -> Arc<Self> {
        Arc::new(Self {
            mailbox: Mailbox::new(),
            outgoing: Outgoing::new(send_buffer_max / 2),
        })
    }

    /// Leaves a command. On a connection that is gone nobody waits for what it says.
    pub(super) fn send(&self, command: Command) {
        let _ = self.mailbox.send(command);
    }
}

impl Touch for Shared {
    fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    fn touch(&self, cell: Arc<Cell>) {
        self.send(Command::Touch(cell));
    }
}
