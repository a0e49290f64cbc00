//! What a peer may hold, and for how long.

use std::sync::Arc;

use rzero_core::{Class, Error};
use rzero_http2::frame::{ErrorCode, StreamId};
use tokio::time::Instant;

use super::Conn;
use crate::engine::Cell;
use crate::server::answer;
use crate::server::served::Served;

impl Conn {
    /// Ends calls that hang on their peer: whose message does not come, or whose answer is not
    /// taken.
    pub(super) fn sweep(&mut self, now: Instant) {
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
                let error = Error::new(Class::ExpiredInQueue, text);
                self.fail_call(stream, None, error);
            } else {
                self.core.reset(stream, ErrorCode::CANCEL);
            }
        }
    }

    /// Widens the windows of those whose turn has come.
    pub(super) fn serve_turns(&mut self) {
        while let Some(stream) = self.requests.budget.turn() {
            let budget = &mut self.requests.budget;
            let served = match self.core.get_mut(stream) {
                Some(Served::Gathering(gather)) => {
                    let missing = budget.missing(&gather.assembler);
                    budget.serve(&mut gather.room, missing)
                }
                Some(Served::Streaming(streaming)) => {
                    let missing = streaming.intake.missing(budget);
                    budget.serve(&mut streaming.intake.room, missing)
                }
                _ => {
                    budget.skip();
                    continue;
                }
            };
            let Some(bytes) = served else { break };
            self.core.widen(stream, bytes);
        }
    }

    /// Ends the calls that hold unread bytes for longest while there are too many of those.
    pub(super) fn bound_memory(&mut self) {
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
