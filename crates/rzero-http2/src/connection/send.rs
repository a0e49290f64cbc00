//! Commands of the shell, and what waits.

use std::num::NonZeroU32;

use bytes::Bytes;

use super::config::Role;
use super::events::{Credit, Events};
use super::flow::{StreamWindow, wide};
use super::pending::{Pending, Tail};
use super::state::State;
use super::streams::{Inbound, Outbound, Slot, Stream};
use crate::frame::{
    ErrorCode, Frame, HeadersHead, StreamId, WindowUpdate, begin_block, finish_block,
    write_data_head,
};
use crate::hpack::{BlockEncoder, Encoder};

impl<S> State<S> {
    pub(super) fn can_open(&self) -> bool {
        let streams = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        self.role == Role::Client
            && self.failed.is_none()
            && !self.go_away_received
            && !self.go_away_sent
            && self.next_id <= StreamId::MAX
            && streams < self.peer.streams_max
    }

    pub(super) fn open(
        &mut self,
        data: S,
        end: bool,
        fields: impl FnOnce(&mut BlockEncoder<'_>),
    ) -> Result<StreamId, S> {
        if !self.can_open() {
            return Err(data);
        }
        let Some(id) = StreamId::new(self.next_id) else {
            return Err(data);
        };
        self.next_id += 2;
        self.write_block(id, end, fields);
        self.streams.insert(Stream {
            id,
            data,
            inbound: Inbound::Head,
            outbound: if end { Outbound::Ended } else { Outbound::Body },
            is_ready: false,
            receive_window: StreamWindow::new(self.receive_window_initial),
            send_window: self.peer.window_initial,
            pending: None,
            length_left: None,
            born: self.abuse.age(),
        });
        Ok(id)
    }

    pub(super) fn send_headers(
        &mut self,
        id: StreamId,
        end: bool,
        fields: impl FnOnce(&mut BlockEncoder<'_>),
    ) -> bool {
        let Some((slot, stream)) = self.commanded(id) else {
            return false;
        };
        match stream.outbound {
            Outbound::Head => {}
            Outbound::Body if end => {}
            Outbound::Body => {
                debug_assert!(false, "an answer has one head");
                return false;
            }
            Outbound::Closing | Outbound::Ended => return false,
        }
        if let Some(pending) = &mut stream.pending {
            let mut block = Vec::new();
            fields(&mut Encoder::detached_block(&mut block));
            pending.tail = Tail::Trailers(block);
            stream.outbound = Outbound::Closing;
            return true;
        }
        stream.outbound = if end { Outbound::Ended } else { Outbound::Body };
        self.write_block(id, end, fields);
        if end {
            self.drop_if_done(slot);
        }
        true
    }

    pub(super) fn send_data(&mut self, id: StreamId, head: &[u8], body: Bytes, end: bool) -> usize {
        // What one frame may carry now, as far as the connection is concerned.
        let room = if self.out.len() < self.config.out_bytes_max {
            self.send_window.min(wide(self.peer.frame_bytes_max))
        } else {
            0
        };
        let Some((slot, stream)) = self.commanded(id) else {
            return 0;
        };
        if stream.outbound != Outbound::Body {
            debug_assert!(
                stream.outbound != Outbound::Head,
                "the head comes before data"
            );
            return 0;
        }
        let bytes = head.len() + body.len();
        if bytes == 0 && !end {
            return stream.waiting();
        }
        if let Some(pending) = &mut stream.pending {
            pending.push(head, body);
            if end {
                pending.tail = Tail::End;
                stream.outbound = Outbound::Closing;
            }
            let waiting = pending.bytes();
            self.waiting += bytes;
            return waiting;
        }
        if bytes == 0 || wide(bytes) <= room.min(stream.send_window) {
            stream.send_window -= wide(bytes);
            if end {
                stream.outbound = Outbound::Ended;
            }
            self.send_window -= wide(bytes);
            let out = self.out.buf();
            write_data_head(out, id, bytes, end);
            out.extend_from_slice(head);
            out.extend_from_slice(&body);
            self.abuse.data_sent(bytes);
            if end {
                self.drop_if_done(slot);
            }
            return 0;
        }
        self.send_large(slot, head, body, end)
    }

    /// Sends what windows and room allow, and lets the rest wait.
    fn send_large(&mut self, slot: Slot, head: &[u8], body: Bytes, end: bool) -> usize {
        let Some(stream) = self.streams.at(slot) else {
            return 0;
        };
        let mut pending = Box::<Pending>::default();
        pending.push(head, body);
        if end {
            pending.tail = Tail::End;
            stream.outbound = Outbound::Closing;
        }
        self.waiting += pending.bytes();
        stream.pending = Some(pending);
        while self.out.len() < self.config.out_bytes_max {
            match self.send_frame(slot) {
                Sent::Part => {}
                Sent::All => {
                    self.drop_if_done(slot);
                    return 0;
                }
                Sent::Nothing => break,
            }
        }
        self.refresh_ready(slot);
        self.streams.at(slot).map_or(0, |stream| stream.waiting())
    }

    pub(super) fn send_end(&mut self, id: StreamId) -> bool {
        let Some((slot, stream)) = self.commanded(id) else {
            return false;
        };
        if stream.outbound != Outbound::Body {
            return false;
        }
        if let Some(pending) = &mut stream.pending {
            pending.tail = Tail::End;
            stream.outbound = Outbound::Closing;
            return true;
        }
        stream.outbound = Outbound::Ended;
        write_data_head(self.out.buf(), id, 0, true);
        self.drop_if_done(slot);
        true
    }

    pub(super) fn reset(&mut self, id: StreamId, code: ErrorCode) -> Option<S> {
        if self.failed.is_some() {
            return None;
        }
        let data = self.remove(id)?;
        self.write_reset(id, code);
        Some(data)
    }

    /// Returns to a stream's window, and widens it.
    pub(super) fn consume(&mut self, slot: Slot, credit: Credit) {
        let Some(stream) = self.streams.at(slot) else {
            return;
        };
        let window = &mut stream.receive_window;
        self.buffered -= window.consume(credit.consumed);
        if stream.inbound == Inbound::Ended {
            return; // Nothing more comes.
        }
        let increment = if credit.widen > 0 {
            window.widen(credit.widen)
        } else {
            None
        };
        let increment = increment.or_else(|| window.update());
        if let Some(increment) = increment {
            let id = stream.id;
            self.write_window_update(Some(id), increment);
        }
    }

    pub(super) fn set_stream_window(&mut self, id: StreamId, bytes: u32) {
        if let Some((_, stream)) = self.commanded(id)
            && stream.inbound != Inbound::Ended
            && let Some(increment) = stream.receive_window.grow(bytes)
        {
            self.write_window_update(Some(id), increment);
        }
    }

    pub(super) fn write_window_update(&mut self, stream: Option<StreamId>, increment: NonZeroU32) {
        Frame::WindowUpdate(WindowUpdate { stream, increment }).write(self.out.buf());
    }

    /// Whether [`pump`](Self::pump) would move something.
    pub(super) fn could_pump(&self) -> bool {
        self.send_window > 0 && !self.ready.is_empty() && self.failed.is_none()
    }

    pub(super) fn pump<E: Events<S>>(&mut self, events: &mut E) {
        while self.could_pump()
            && self.out.len() < self.config.out_bytes_max
            && let Some(id) = self.ready.pop_front()
            && let Some(slot) = self.streams.find(id)
        {
            if let Some(stream) = self.streams.at(slot) {
                stream.is_ready = false;
            }
            if self.send_frame(slot) == Sent::All {
                self.drop_if_done(slot);
                if let Some(stream) = self.streams.get_mut(id) {
                    events.writable(id, &mut stream.data);
                }
            } else {
                self.refresh_ready(slot);
            }
        }
    }

    /// Puts a stream into the queue if it could send.
    pub(super) fn refresh_ready(&mut self, slot: Slot) {
        if let Some(stream) = self.streams.at(slot)
            && !stream.is_ready
            && stream.pending.is_some()
            && stream.send_window > 0
        {
            stream.is_ready = true;
            self.ready.push_back(stream.id);
        }
    }

    /// Moves one frame of what waits, and the end behind the last.
    fn send_frame(&mut self, slot: Slot) -> Sent {
        let Some(stream) = self.streams.at(slot) else {
            return Sent::Nothing;
        };
        let Some(pending) = &mut stream.pending else {
            return Sent::Nothing;
        };
        let window = stream.send_window.min(self.send_window).max(0);
        let bytes = pending
            .bytes()
            .min(usize::try_from(window).unwrap_or(usize::MAX))
            .min(self.peer.frame_bytes_max);
        if bytes == 0 {
            return Sent::Nothing;
        }
        let is_all = bytes == pending.bytes();
        let end = is_all && matches!(pending.tail, Tail::End);
        let out = self.out.buf();
        write_data_head(out, stream.id, bytes, end);
        pending.move_to(out, bytes);
        stream.send_window -= wide(bytes);
        self.send_window -= wide(bytes);
        self.waiting -= bytes;
        self.abuse.data_sent(bytes);
        if !is_all {
            return Sent::Part;
        }
        let id = stream.id;
        let tail = stream.pending.take().map(|pending| pending.tail);
        if stream.outbound == Outbound::Closing {
            stream.outbound = Outbound::Ended;
        }
        if let Some(Tail::Trailers(block)) = tail {
            self.write_detached(id, &block);
        }
        Sent::All
    }

    fn write_block(
        &mut self,
        stream: StreamId,
        end_stream: bool,
        fields: impl FnOnce(&mut BlockEncoder<'_>),
    ) {
        let out = self.out.buf();
        let start = begin_block(out);
        fields(&mut self.encoder.block(out));
        let head = HeadersHead { stream, end_stream };
        finish_block(out, start, head, self.peer.frame_bytes_max);
    }

    fn write_detached(&mut self, stream: StreamId, block: &[u8]) {
        let end_stream = true;
        let out = self.out.buf();
        let start = begin_block(out);
        self.encoder.write_update(out);
        out.extend_from_slice(block);
        let head = HeadersHead { stream, end_stream };
        finish_block(out, start, head, self.peer.frame_bytes_max);
    }
}

/// What [`State::send_frame`] moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    Part,
    All,
}
