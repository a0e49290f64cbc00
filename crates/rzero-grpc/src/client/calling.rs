//! What a client keeps for each stream.

use std::sync::Arc;

use crate::engine::{Intake, Room};
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
    pub(super) room: Room,
}

/// A call that streams.
pub(super) struct StreamingCall {
    pub(super) intake: Intake,
    /// Whether the head of the answer came.
    pub(super) has_head: bool,
}
