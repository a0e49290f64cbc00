//! Room for messages that are longer than a window.
//!
//! A peer may send such a message only when its window is widened, and a widened window is memory
//! that is promised. The promises of a connection have a bound: past it messages wait for their
//! turn, as far as their windows reach, instead of failing for want of memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rzero_http2::frame::StreamId;

use crate::message::Assembler;

/// What a connection has promised for messages that are being put together.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: usize,
    /// Messages up to this length never need a wider window: as much of one is always open.
    long: usize,
    promised: Arc<AtomicUsize>,
    waiting: VecDeque<StreamId>,
}

/// Whether the message of a stream has room. Dropping it gives the room back.
#[derive(Debug, Default)]
pub(crate) enum Room {
    /// It needs none.
    #[default]
    None,
    /// It waits for its turn.
    Waiting,
    /// It has some.
    Promised {
        #[expect(dead_code, reason = "what counts is when it is dropped")]
        promise: Promise,
    },
}

/// Room that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Promise {
    promised: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.promised.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Budget {
    /// Half of what a connection may hold, `buffer_max`, is promised; what peers send without
    /// asking, up to `window_bytes` a stream, has the other half.
    pub(crate) fn new(buffer_max: usize, window_bytes: u32) -> Self {
        Self {
            bytes_max: buffer_max / 2,
            long: window_bytes as usize / 2,
            promised: Arc::default(),
            waiting: VecDeque::new(),
        }
    }

    /// What is missing of the message that has begun, when its window may not reach to its end.
    pub(crate) fn missing(&self, assembler: &Assembler) -> usize {
        if assembler.length() > self.long {
            assembler.missing()
        } else {
            0
        }
    }

    /// How much the window of a stream has to be widened for a message that misses `missing`
    /// bytes; nothing while it has to wait.
    pub(crate) fn widen(&mut self, stream: StreamId, room: &mut Room, missing: usize) -> usize {
        let bytes = self.promise(room, missing);
        if bytes == 0 && missing > 0 && !matches!(room, Room::Waiting) {
            *room = Room::Waiting;
            self.waiting.push_back(stream);
        }
        bytes
    }

    fn promise(&self, room: &mut Room, missing: usize) -> usize {
        if missing == 0 {
            *room = Room::None;
            return 0;
        }
        if let Room::Promised { .. } = room {
            return missing;
        }
        let promised = self.promised.load(Ordering::Relaxed);
        // One message may be larger than all the room there is: alone it has its turn, too.
        if promised > 0 && promised + missing > self.bytes_max {
            return 0;
        }
        self.promised.fetch_add(missing, Ordering::Relaxed);
        let promised = Arc::clone(&self.promised);
        let promise = Promise {
            promised,
            bytes: missing,
        };
        *room = Room::Promised { promise };
        missing
    }

    /// The stream that has waited longest, to be answered by [`serve`](Self::serve).
    pub(crate) fn turn(&self) -> Option<StreamId> {
        self.waiting.front().copied()
    }

    /// How much the window of the stream whose turn it is has to be widened; `None` when it has to
    /// wait longer, and so have those behind it.
    pub(crate) fn serve(&mut self, room: &mut Room, missing: usize) -> Option<usize> {
        let bytes = self.promise(room, missing);
        if bytes == 0 && missing > 0 {
            return None;
        }
        self.skip();
        Some(bytes)
    }

    /// The stream whose turn it is needs no room any more.
    pub(crate) fn skip(&mut self) {
        self.waiting.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: u32) -> StreamId {
        StreamId::new(number).unwrap()
    }

    #[test]
    fn what_does_not_fit_waits_for_its_turn() {
        let mut budget = Budget::new(200, 64);
        let (mut first, mut second) = (Room::None, Room::None);
        assert_eq!(budget.widen(stream(1), &mut first, 80), 80);
        assert_eq!(budget.widen(stream(3), &mut second, 30), 0);
        assert_eq!(budget.widen(stream(3), &mut second, 30), 0);
        assert_eq!(budget.widen(stream(1), &mut first, 50), 50);
        assert_eq!(budget.serve(&mut second, 30), None);
        drop(first);
        assert_eq!(budget.turn(), Some(stream(3)));
        assert_eq!(budget.serve(&mut second, 30), Some(30));
        assert_eq!(budget.turn(), None);
    }

    #[test]
    fn complete_message_gives_its_room_back() {
        let mut budget = Budget::new(200, 64);
        let mut room = Room::None;
        budget.widen(stream(1), &mut room, 100);
        budget.widen(stream(1), &mut room, 0);
        assert_eq!(budget.promised.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn message_larger_than_all_room_has_its_turn_alone() {
        let mut budget = Budget::new(200, 64);
        let mut room = Room::None;
        assert_eq!(budget.widen(stream(1), &mut room, 1000), 1000);
        assert_eq!(budget.widen(stream(3), &mut Room::None, 1), 0);
    }
}
