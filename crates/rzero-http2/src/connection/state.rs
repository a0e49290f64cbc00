//! Everything of a connection but the splitter, and what its parts share.

use std::collections::VecDeque;
use std::time::Instant;

use super::GoAwayStep;
use super::abuse::Abuse;
use super::blocks::Block;
use super::config::{Config, PROTOCOL_WINDOW_BYTES, Role};
use super::error::ConnectionError;
use super::events::{Ended, Events};
use super::flow::{ConnectionWindow, TARGET_BYTES_MAX};
use super::gone::Gone;
use super::out::Out;
use super::settings;
use super::streams::{Inbound, Outbound, Slot, Stream, Streams};
use crate::frame::{ErrorCode, Frame, FrameError, GoAway, Reset, Scope, StreamId};
use crate::hpack::{Decoder, DecoderConfig, Encoder};

/// How long a RST_STREAM is, with its head, in bytes.
pub(super) const RESET_BYTES: usize = 13;

/// What [`shrink`](State::shrink) leaves of the output buffer, in bytes.
const KEPT_OUT_BYTES: usize = 512;

/// Everything of a connection but the splitter, whose frames borrow from it.
#[derive(Debug)]
pub(super) struct State<S> {
    pub(super) role: Role,
    pub(super) config: Config,
    pub(super) out: Out,
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    /// A header block of several frames.
    pub(super) block: Option<Block>,
    pub(super) streams: Streams<S>,
    /// Streams with waiting data and an open window, in turn.
    pub(super) ready: VecDeque<StreamId>,
    pub(super) gone: Gone,
    pub(super) abuse: Abuse,
    pub(super) peer: Peer,
    /// What the peer may send on the connection.
    pub(super) receive_window: ConnectionWindow,
    /// What may be sent on the connection.
    pub(super) send_window: i64,
    /// What the peer may send on a new stream, as far as it knows.
    pub(super) receive_window_initial: i64,
    /// Client: the number of the next stream.
    pub(super) next_id: u32,
    /// Server: the highest number of a stream that the peer opened.
    pub(super) last_peer_stream: u32,
    /// Server: streams above this number are refused.
    pub(super) taken_up_to: Option<u32>,
    pub(super) go_away_sent: bool,
    pub(super) go_away_received: bool,
    /// Pings that the peer has not answered.
    pub(super) pings: u32,
    /// Bytes that the shell holds, over all streams.
    pub(super) buffered: i64,
    /// Bytes that wait to be sent, over all streams.
    pub(super) waiting: usize,
    pub(super) failed: Option<ConnectionError>,
}

/// What the peer told of itself.
#[derive(Debug)]
pub(super) struct Peer {
    /// Whether its settings have arrived.
    pub(super) is_known: bool,
    /// Whether it has acknowledged ours.
    pub(super) has_acknowledged: bool,
    pub(super) streams_max: u32,
    /// What may be sent on a new stream.
    pub(super) window_initial: i64,
    /// The longest payload to send.
    pub(super) frame_bytes_max: usize,
}

impl Peer {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            is_known: false,
            has_acknowledged: false,
            streams_max: config.streams_max_until_settings,
            window_initial: i64::from(PROTOCOL_WINDOW_BYTES),
            frame_bytes_max: crate::frame::PAYLOAD_BYTES_MIN_MAX,
        }
    }
}

/// A stream that is not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// It never was.
    Idle,
    /// It was reset here, perhaps: frames for it may have been under way.
    Late,
    /// It is closed, and the peer knows.
    Closed,
}

impl<S> State<S> {
    pub(super) fn new(role: Role, mut config: Config, now: Instant) -> Self {
        config.stream_window_bytes = config.stream_window_bytes.min(TARGET_BYTES_MAX);
        let window_bytes = config.connection_window_bytes;
        let (receive_window, window_update) = ConnectionWindow::new(window_bytes);
        let mut out = Out::default();
        settings::write_first(out.buf(), role, &config, window_update);
        Self {
            role,
            out,
            encoder: Encoder::new(),
            decoder: Decoder::new(DecoderConfig {
                list_bytes_max: usize::try_from(config.header_list_bytes_max).unwrap_or(usize::MAX),
                block_bytes_max: config.header_block_bytes_max,
            }),
            block: None,
            streams: Streams::new(),
            ready: VecDeque::new(),
            gone: Gone::default(),
            abuse: Abuse::new(&config.limits, now),
            peer: Peer::new(&config),
            receive_window,
            send_window: i64::from(PROTOCOL_WINDOW_BYTES),
            receive_window_initial: i64::from(PROTOCOL_WINDOW_BYTES),
            next_id: 1,
            last_peer_stream: 0,
            taken_up_to: None,
            go_away_sent: false,
            go_away_received: false,
            pings: 0,
            buffered: 0,
            waiting: 0,
            failed: None,
            config,
        }
    }

    /// What a stream that is not open is.
    pub(super) fn absent(&self, id: StreamId) -> Absent {
        let opened_below = match self.role {
            Role::Client => self.next_id,
            Role::Server => self.last_peer_stream + 1,
        };
        let number = id.get();
        if !id.is_client() || number >= opened_below {
            Absent::Idle
        } else if self.gone.may_be_late(number) {
            Absent::Late
        } else {
            Absent::Closed
        }
    }

    /// The stream of a command; none on a connection that failed.
    pub(super) fn commanded(&mut self, id: StreamId) -> Option<(Slot, &mut Stream<S>)> {
        if self.failed.is_some() {
            return None;
        }
        let slot = self.streams.find(id)?;
        Some((slot, self.streams.at(slot)?))
    }

    /// Takes a stream out, whatever its state.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<S> {
        let stream = self.streams.remove(id)?;
        self.buffered -= stream.receive_window.unconsumed();
        self.waiting -= stream.waiting();
        if stream.is_ready {
            self.ready.retain(|ready| *ready != id);
        }
        Some(stream.data)
    }

    /// Drops the stream if both sides have ended it.
    pub(super) fn drop_if_done(&mut self, slot: Slot) {
        if let Some(stream) = self.streams.at(slot)
            && stream.inbound == Inbound::Ended
            && stream.outbound == Outbound::Ended
        {
            let id = stream.id;
            self.remove(id);
            self.abuse.stream_done();
        }
    }

    /// Appends RST_STREAM and remembers it.
    pub(super) fn write_reset(&mut self, stream: StreamId, code: ErrorCode) {
        Frame::Reset(Reset { stream, code }).write(self.out.buf());
        self.gone.remember_reset(stream.get());
    }

    /// Resets a stream because the peer broke a rule, or wants more than it may.
    pub(super) fn break_stream<E: Events<S>>(
        &mut self,
        stream: StreamId,
        code: ErrorCode,
        rule: &'static str,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        self.write_reset(stream, code);
        if let Some(data) = self.remove(stream) {
            let scope = Scope::Stream(stream);
            let error = FrameError { scope, code, rule };
            events.ended(stream, data, Ended::Broken(error));
        }
        if self.role == Role::Server {
            self.abuse.provoked_reset()?;
        }
        self.answered(RESET_BYTES)
    }

    /// Counts an answer of the core that the peer provoked.
    pub(super) fn answered(&mut self, bytes: usize) -> Result<(), ConnectionError> {
        self.out
            .answered(bytes, self.config.limits.answers_bytes_max)
    }

    /// Ends the connection: GOAWAY, and nothing more.
    pub(super) fn finish(&mut self, error: ConnectionError, debug: &str) {
        if self.failed.is_none() {
            let last = self.taken_up_to.unwrap_or(self.last_peer_stream);
            self.write_go_away(last, error.code, debug);
            self.failed = Some(error);
        }
    }

    pub(super) fn go_away(&mut self, step: GoAwayStep, code: ErrorCode, debug: &str) {
        if self.failed.is_some() {
            return;
        }
        let last = match (self.role, step) {
            (Role::Client, _) => 0,
            (Role::Server, GoAwayStep::Announce) => StreamId::MAX,
            (Role::Server, GoAwayStep::Final) => {
                *self.taken_up_to.get_or_insert(self.last_peer_stream)
            }
        };
        self.write_go_away(last, code, debug);
    }

    /// Gives back the memory of a burst.
    pub(super) fn shrink(&mut self) {
        self.out.buf().shrink_to(KEPT_OUT_BYTES);
        self.streams.shrink();
        self.ready.shrink_to_fit();
        self.gone.shrink();
    }

    fn write_go_away(&mut self, last: u32, code: ErrorCode, debug: &str) {
        self.go_away_sent = true;
        // A frame of any size would be legal; a log line needs no more.
        let debug_bytes = debug.len().min(self.peer.frame_bytes_max / 2);
        Frame::GoAway(GoAway {
            last_stream: StreamId::new(last),
            code,
            debug_data: &debug.as_bytes()[..debug_bytes],
        })
        .write(self.out.buf());
    }
}
