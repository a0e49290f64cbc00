//! Header blocks of the peer: which stream and message they belong to.

use super::config::Role;
use super::error::ConnectionError;
use super::events::{Events, Request};
use super::fields::{FieldCheck, Section};
use super::flow::StreamWindow;
use super::state::{Absent, RESET_BYTES, State};
use super::streams::{Inbound, Outbound, Stream};
use crate::frame::{Continuation, ErrorCode, Headers, StreamId};
use crate::hpack::{BlockPart, DecodeError};

/// A header block that has begun.
#[derive(Debug)]
pub(super) struct Block {
    stream: StreamId,
    end_stream: bool,
    fate: Fate,
    check: FieldCheck,
}

/// What becomes of a block. Each is decoded, to keep the tables in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its fields are handed out.
    Read,
    /// Nothing: the stream is gone.
    Ignore,
    /// The stream is reset.
    Break(ErrorCode, &'static str),
}

impl<S> State<S> {
    pub(super) fn headers<E: Events<S>>(
        &mut self,
        frame: &Headers<'_>,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let (section, fate) = self.place(frame.stream, frame.end_stream)?;
        let block = Block {
            stream: frame.stream,
            end_stream: frame.end_stream,
            fate,
            check: FieldCheck::new(section),
        };
        if fate == Fate::Read {
            self.abuse.headers_received();
            events.block();
        }
        self.fragment(block, frame.fragment, frame.end_headers, events)
    }

    pub(super) fn continuation<E: Events<S>>(
        &mut self,
        frame: &Continuation<'_>,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let rule = "CONTINUATION without a header block";
        let block = self.block.take().ok_or(ConnectionError::protocol(rule))?;
        self.fragment(block, frame.fragment, frame.end_headers, events)
    }

    /// What a block on this stream is.
    fn place(&mut self, id: StreamId, end: bool) -> Result<(Section, Fate), ConnectionError> {
        if let Some(stream) = self.streams.get(id) {
            return Ok(match stream.inbound {
                Inbound::Head => (Section::Answer, Fate::Read),
                Inbound::Body if end => (Section::Trailers, Fate::Read),
                Inbound::Body => {
                    let code = ErrorCode::PROTOCOL_ERROR;
                    let rule = "trailers do not end their stream";
                    (Section::Trailers, Fate::Break(code, rule))
                }
                Inbound::Ended => {
                    let code = ErrorCode::STREAM_CLOSED;
                    let rule = "HEADERS behind the end of a stream";
                    (Section::Trailers, Fate::Break(code, rule))
                }
            });
        }
        match self.absent(id) {
            Absent::Idle if self.role == Role::Server && id.is_client() => {
                Ok((Section::Request, self.new_stream(id)))
            }
            Absent::Idle => Err(ConnectionError::protocol("HEADERS on an idle stream")),
            Absent::Late => Ok((Section::Trailers, Fate::Ignore)),
            Absent::Closed if self.gone.was_left_out(id.get()) => Err(ConnectionError::protocol(
                "a new stream has a lower number than one before",
            )),
            Absent::Closed => Err(ConnectionError::new(
                ErrorCode::STREAM_CLOSED,
                "HEADERS on a closed stream",
            )),
        }
    }

    /// The peer opens a stream.
    fn new_stream(&mut self, id: StreamId) -> Fate {
        let before = self.last_peer_stream;
        let next = if before == 0 { 1 } else { before + 2 };
        if id.get() > next {
            self.gone.remember_gap(next, id.get() - 1);
        }
        self.last_peer_stream = id.get();
        if self.taken_up_to.is_some_and(|last| id.get() > last) {
            return Fate::Break(ErrorCode::REFUSED_STREAM, "a stream above GOAWAY's last");
        }
        let streams = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        if streams >= self.config.streams_max {
            return Fate::Break(ErrorCode::REFUSED_STREAM, "too many streams (streams_max)");
        }
        Fate::Read
    }

    fn fragment<E: Events<S>>(
        &mut self,
        mut block: Block,
        fragment: &[u8],
        is_last: bool,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let part = if is_last {
            BlockPart::Last
        } else {
            BlockPart::More
        };
        let is_read = block.fate == Fate::Read;
        let check = &mut block.check;
        let decoded = self
            .decoder
            .decode_trusting(fragment, part, |field, is_trusted| {
                if !is_read {
                    return false;
                }
                if check.accept(&field, is_trusted) {
                    events.field(field);
                }
                check.is_well_formed()
            });
        match decoded {
            Err(DecodeError::ListTooLarge { .. }) if block.fate == Fate::Read => {
                let code = ErrorCode::ENHANCE_YOUR_CALM;
                block.fate =
                    Fate::Break(code, "the header list is too large (header_list_bytes_max)");
            }
            Err(DecodeError::ListTooLarge { .. }) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        if !is_last {
            self.block = Some(block);
            return Ok(());
        }
        match block.fate {
            Fate::Ignore => self.ignored_block(),
            Fate::Break(code, rule) => self.break_stream(block.stream, code, rule, events),
            Fate::Read => match block.check.complete() {
                Err(rule) => {
                    self.break_stream(block.stream, ErrorCode::PROTOCOL_ERROR, rule, events)
                }
                Ok(()) => self.whole(&block, events),
            },
        }
    }

    /// A server's late answers are no attack: it sends one for each call that was given up.
    fn ignored_block(&mut self) -> Result<(), ConnectionError> {
        match self.role {
            Role::Client => Ok(()),
            Role::Server => self.abuse.idle_frame(),
        }
    }

    fn whole<E: Events<S>>(
        &mut self,
        block: &Block,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        if block.check.section() == Section::Request {
            return self.request(block, events);
        }
        let Some(slot) = self.streams.find(block.stream) else {
            return Ok(()); // The shell reset it in the middle of the block.
        };
        let Some(stream) = self.streams.at(slot) else {
            return Ok(());
        };
        let end = block.end_stream;
        let broken = match stream.inbound {
            Inbound::Head if block.check.is_informational() => {
                end.then_some("an informational answer ends its stream")
            }
            Inbound::Head => {
                // An answer to HEAD or a 304 tells the length of what it does not carry.
                stream.length_left = block.check.length().filter(|_| !end);
                stream.inbound = Inbound::Body;
                None
            }
            Inbound::Body | Inbound::Ended => stream
                .length_left
                .is_some_and(|left| left > 0)
                .then_some("less content than content-length tells"),
        };
        if let Some(rule) = broken {
            return self.break_stream(block.stream, ErrorCode::PROTOCOL_ERROR, rule, events);
        }
        if end {
            stream.inbound = Inbound::Ended;
        }
        events.headers(block.stream, &mut stream.data, end);
        if end {
            self.drop_if_done(slot);
        }
        Ok(())
    }

    fn request<E: Events<S>>(
        &mut self,
        block: &Block,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let id = block.stream;
        let end = block.end_stream;
        if end && block.check.length().is_some_and(|length| length > 0) {
            let rule = "less content than content-length tells";
            return self.break_stream(id, ErrorCode::PROTOCOL_ERROR, rule, events);
        }
        match events.request(id, end) {
            Request::Refuse => {
                self.write_reset(id, ErrorCode::REFUSED_STREAM);
                self.answered(RESET_BYTES)?;
            }
            Request::Take(data) => {
                self.streams.insert(Stream {
                    id,
                    data,
                    inbound: if end { Inbound::Ended } else { Inbound::Body },
                    outbound: Outbound::Head,
                    is_ready: false,
                    receive_window: StreamWindow::new(self.receive_window_initial),
                    send_window: self.peer.window_initial,
                    pending: None,
                    length_left: block.check.length(),
                    born: self.abuse.age(),
                });
            }
        }
        Ok(())
    }
}
