//! The receiving side of a call that streams, as the connection's task holds it.

use std::sync::Arc;
use std::task::Waker;

use rzero_core::Error;
use rzero_http2::connection::Credit;
use rzero_http2::frame::StreamId;

use super::{Budget, Cell, Room};
use crate::message::Assembler;

/// Puts the bytes of a stream together and hands the messages to its [`Cell`].
pub(crate) struct Intake {
    pub(crate) cell: Arc<Cell>,
    assembler: Assembler,
    pub(crate) room: Room,
}

impl Intake {
    /// Takes messages of at most `bytes_max` bytes as sent.
    pub(crate) const fn new(cell: Arc<Cell>, bytes_max: usize) -> Self {
        Self {
            cell,
            assembler: Assembler::new(bytes_max),
            room: Room::None,
        }
    }

    /// Takes bytes that came; what it gives back is the sender's.
    ///
    /// # Errors
    /// When they are not messages. What follows makes no sense and is dropped.
    pub(crate) fn feed(
        &mut self,
        stream: StreamId,
        bytes: &[u8],
        budget: &mut Budget,
        woken: &mut Vec<Waker>,
    ) -> Result<Credit, Error> {
        let is_read = self.cell.deliver(&mut self.assembler, bytes, woken)?;
        if !is_read {
            return Ok(Credit::consumed(bytes.len()));
        }
        Ok(Credit {
            consumed: 0,
            widen: self.widen(stream, budget),
        })
    }

    /// Bytes that the peer may send at once, whatever its window.
    pub(crate) fn widen(&mut self, stream: StreamId, budget: &mut Budget) -> usize {
        let missing = self.missing(budget);
        budget.widen(stream, &mut self.room, missing)
    }

    /// What is missing of a long message that the reader waits for. Never of one behind it, or a
    /// reader that is slow would hold nobody back.
    pub(crate) fn missing(&self, budget: &Budget) -> usize {
        match budget.missing(&self.assembler) {
            0 => 0,
            missing if self.cell.is_awaited() => missing,
            _ => 0,
        }
    }

    /// Whether a message has begun but not ended.
    pub(crate) fn is_torn(&self) -> bool {
        self.assembler.is_torn()
    }
}
