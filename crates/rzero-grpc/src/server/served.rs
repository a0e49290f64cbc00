//! What a server keeps for each stream.

use rzero_core::{CallInfo, Error, Trailers};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::engine::{Intake, Room};
use crate::fields::Refusal;
use crate::message::{Assembler, Compression, Encoding, Raw};

/// The state of a served call.
pub(super) enum Served {
    /// The message of a unary call is on its way.
    Gathering(Gather),
    /// The handler of a unary call works.
    Running(Running),
    /// A call that streams.
    Streaming(Streaming),
    /// A request that is not gRPC: it is answered when it has ended, because a peer that still
    /// sends may be wrong in worse ways, and is told of those.
    Refused {
        refusal: Refusal,
        /// When it has to have ended.
        by: Instant,
    },
    /// It is answered, as far as we are concerned.
    Answered {
        /// When the peer has to have taken the answer.
        by: Instant,
    },
}

/// A unary call whose message is on its way.
pub(super) struct Gather {
    pub(super) info: CallInfo,
    pub(super) assembler: Assembler,
    pub(super) message: Option<Raw>,
    pub(super) room: Room,
    pub(super) encoding: Encoding,
    /// How answers are compressed.
    pub(super) answers: Option<Compression>,
    /// Bytes received, for the accounts of the core.
    pub(super) received: usize,
    /// When the whole message has to be here.
    pub(super) by: Instant,
}

/// A unary call whose handler works.
pub(super) struct Running {
    /// The task of its own, when it has one.
    pub(super) task: Option<AbortHandle>,
    /// How answers are compressed.
    pub(super) answers: Option<Compression>,
}

/// A call that streams.
pub(super) struct Streaming {
    pub(super) intake: Intake,
    /// How answers are compressed.
    pub(super) answers: Option<Compression>,
    pub(super) task: Option<AbortHandle>,
    /// What the handler gave, once it has.
    pub(super) finish: Option<Result<Trailers, Error>>,
    /// Since when messages wait to be read.
    pub(super) since: Instant,
}

impl Served {
    /// Nobody waits for the answer any more.
    pub(super) fn abort(&mut self) {
        let task = match self {
            Self::Running(running) => running.task.take(),
            Self::Streaming(streaming) => streaming.task.take(),
            Self::Gathering(_) | Self::Refused { .. } | Self::Answered { .. } => None,
        };
        if let Some(task) = task {
            task.abort();
        }
    }

    /// Whether a call is under way that ending the connection would cut.
    pub(super) fn is_call(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::Answered { .. })
    }
}
