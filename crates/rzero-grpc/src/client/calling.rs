//! What a client keeps for each stream.

use std::sync::Arc;

use crate::engine::Cell;
use crate::fields::ReplyHead;
use crate::message::{Assembler, Raw};

use super::slot::Slot;

/// A call that was sent.
pub(super) enum Calling {
    Unary(UnaryCall),
    Streaming(StreamingCall),
}

/// A unary call that was sent.
pub(super) struct UnaryCall {
    pub(super) slot: Arc<Slot>,
    pub(super) head: Option<ReplyHead>,
    pub(super) assembler: Assembler,
    pub(super) message: Option<Raw>,
}

/// A call that streams.
pub(super) struct StreamingCall {
    pub(super) cell: Arc<Cell>,
    /// Whether the head of the answer came.
    pub(super) has_head: bool,
    pub(super) assembler: Assembler,
}

impl StreamingCall {
    /// Bytes that the server may send at once, whatever its window: the rest of the message that
    /// the caller waits for.
    pub(super) fn wanted(&self) -> usize {
        match self.assembler.missing() {
            0 => 0,
            missing if self.cell.is_awaited() => missing,
            _ => 0,
        }
    }
}
