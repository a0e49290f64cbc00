//! The streams that are open, by number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use super::flow::StreamWindow;
use super::pending::Pending;
use crate::frame::StreamId;

/// A slot's number.
pub(super) type Slot = usize;

/// What the peer may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inbound {
    /// The head of an answer, perhaps after informational ones.
    Head,
    /// DATA, or trailers.
    Body,
    /// Nothing.
    Ended,
}

/// What this end may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outbound {
    /// The head of an answer.
    Head,
    /// DATA, or trailers.
    Body,
    /// What waits, its end with it.
    Closing,
    /// Nothing.
    Ended,
}

/// One open stream.
#[derive(Debug)]
pub(super) struct Stream<S> {
    pub(super) id: StreamId,
    pub(super) data: S,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    /// Whether the stream stands in the queue of those that could send.
    pub(super) is_ready: bool,
    pub(super) receive_window: StreamWindow,
    /// What may be sent; below 0 after a setting that lowered it.
    pub(super) send_window: i64,
    /// What waits for a window or for room.
    pub(super) pending: Option<Box<Pending>>,
    /// What is missing of the announced content length.
    pub(super) length_left: Option<u64>,
    /// The connection's age when the stream was opened.
    pub(super) born: Duration,
}

impl<S> Stream<S> {
    pub(super) fn waiting(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.bytes())
    }
}

/// Stream numbers are neighbours, so a multiplication spreads them well.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A slab of streams, found by number.
#[derive(Debug)]
pub(super) struct Streams<S> {
    slots: Vec<Option<Stream<S>>>,
    free: Vec<Slot>,
    by_id: HashMap<StreamId, Slot, BuildHasherDefault<IdHasher>>,
}

impl<S> Streams<S> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn find(&self, id: StreamId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&Stream<S>> {
        self.slots.get(self.find(id)?)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream<S>> {
        let slot = self.find(id)?;
        self.at(slot)
    }

    /// The stream in a slot that [`find`](Self::find) gave.
    pub(super) fn at(&mut self, slot: Slot) -> Option<&mut Stream<S>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Adds a stream whose number is new.
    pub(super) fn insert(&mut self, stream: Stream<S>) -> Slot {
        let id = stream.id;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(stream);
                slot
            }
            None => {
                self.slots.push(Some(stream));
                self.slots.len() - 1
            }
        };
        self.by_id.insert(id, slot);
        slot
    }

    pub(super) fn remove(&mut self, id: StreamId) -> Option<Stream<S>> {
        let slot = self.by_id.remove(&id)?;
        self.free.push(slot);
        self.slots[slot].take()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream<S>> {
        self.slots.iter_mut().flatten()
    }

    /// The numbers above `last`, in order.
    pub(super) fn above(&self, last: u32) -> Vec<StreamId> {
        let above = self.by_id.keys().copied();
        let mut above: Vec<_> = above.filter(|id| id.get() > last).collect();
        above.sort_unstable();
        above
    }

    /// Takes all streams out.
    pub(super) fn drain(&mut self) -> std::vec::IntoIter<Option<Stream<S>>> {
        self.by_id = HashMap::default();
        self.free = Vec::new();
        std::mem::take(&mut self.slots).into_iter()
    }

    /// Gives back what a burst took, when there are no streams.
    pub(super) fn shrink(&mut self) {
        if self.by_id.is_empty() {
            *self = Self::new();
        }
    }
}
