//! Frames of the peer.

use super::config::{Role, WINDOW_BYTES_MAX};
use super::error::ConnectionError;
use super::events::{Credit, Ended, Events};
use super::flow::wide;
use super::state::{Absent, State};
use super::streams::{Inbound, Slot};
use crate::frame::{
    Data, ErrorCode, Frame, FrameError, GoAway, Piece, Ping, Reset, Scope, Settings, StreamId,
    WindowUpdate,
};

/// How long a PING is, with its head, in bytes.
const PING_BYTES: usize = 17;

impl<S> State<S> {
    pub(super) fn piece<E: Events<S>>(
        &mut self,
        piece: Piece<'_>,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        if !self.peer.is_known && !matches!(piece, Piece::Frame(Frame::Settings(Settings::List(_))))
        {
            return Err(ConnectionError::protocol("the first frame is not SETTINGS"));
        }
        match piece {
            Piece::Frame(Frame::Headers(frame)) => self.headers(&frame, events),
            Piece::Frame(Frame::Data(frame)) => self.data(&frame, events),
            Piece::Frame(frame) => self.rare_frame(&frame, events),
            Piece::DataHead {
                stream,
                payload_bytes,
                end_stream,
            } => self
                .data_head(stream, [payload_bytes; 2], end_stream, events)
                .map(|_| ()),
            Piece::DataBytes {
                stream,
                bytes,
                end_stream,
            } => {
                if let Some(slot) = self.streams.find(stream) {
                    self.data_bytes(slot, bytes, end_stream, events);
                }
                Ok(())
            }
        }
    }

    fn rare_frame<E: Events<S>>(
        &mut self,
        frame: &Frame<'_>,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        match frame {
            Frame::Data(frame) => self.data(frame, events),
            Frame::Headers(frame) => self.headers(frame, events),
            Frame::Continuation(frame) => self.continuation(frame, events),
            Frame::Reset(frame) => self.peer_reset(frame, events),
            Frame::Settings(Settings::List(list)) => self.settings(list),
            Frame::Settings(Settings::Ack) => self.settings_acknowledged(),
            Frame::PushPromise(_) => Err(ConnectionError::protocol("PUSH_PROMISE is not allowed")),
            Frame::Ping(frame) => self.peer_ping(*frame, events),
            Frame::GoAway(frame) => {
                self.peer_go_away(frame, events);
                // One or two are meant; a flood of them costs as any other.
                self.abuse.idle_frame()
            }
            Frame::WindowUpdate(frame) => self.window_update(*frame, events),
            Frame::Priority(_) | Frame::Unknown(_) => self.abuse.idle_frame(),
        }
    }

    /// A frame that is wrong by itself.
    pub(super) fn frame_error<E: Events<S>>(
        &mut self,
        error: FrameError,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let Scope::Stream(id) = error.scope else {
            return Err(error.into());
        };
        if !self.peer.is_known {
            return Err(ConnectionError::protocol("the first frame is not SETTINGS"));
        }
        let is_open = self.streams.find(id).is_some();
        match self.absent(id) {
            // There is no stream to reset.
            Absent::Idle if !is_open => Err(error.into()),
            Absent::Late if !is_open => self.abuse.idle_frame(),
            _ => self.break_stream(id, error.code, error.rule, events),
        }
    }

    fn data<E: Events<S>>(
        &mut self,
        frame: &Data<'_>,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let lengths = [frame.flow_bytes(), frame.payload.len()];
        let slot = self.data_head(frame.stream, lengths, frame.end_stream, events)?;
        if let Some(slot) = slot
            && (!frame.payload.is_empty() || frame.end_stream)
        {
            self.data_bytes(slot, frame.payload, frame.end_stream, events);
        }
        self.return_padding(frame, slot);
        Ok(())
    }

    /// Padding is consumed at once, and may make an update due.
    fn return_padding(&mut self, frame: &Data<'_>, slot: Option<Slot>) {
        if frame.padding.is_some()
            && let Some(slot) = slot
        {
            self.consume(slot, Credit::default());
        }
    }

    /// Applies what DATA costs and where it is allowed; the stream's slot, if it is to be read.
    fn data_head<E: Events<S>>(
        &mut self,
        id: StreamId,
        [flow_bytes, payload_bytes]: [usize; 2],
        end: bool,
        events: &mut E,
    ) -> Result<Option<Slot>, ConnectionError> {
        if !self.receive_window.take(flow_bytes) {
            return Err(ConnectionError::new(
                ErrorCode::FLOW_CONTROL_ERROR,
                "more DATA than the connection's window allows",
            ));
        }
        if let Some(increment) = self.receive_window.update() {
            self.write_window_update(None, increment);
        }
        self.abuse.data_received(payload_bytes, end)?;

        let Some(slot) = self.streams.find(id) else {
            return match self.absent(id) {
                Absent::Idle => Err(ConnectionError::protocol("DATA on an idle stream")),
                Absent::Late => Ok(None),
                Absent::Closed => {
                    let code = ErrorCode::STREAM_CLOSED;
                    self.break_stream(id, code, "DATA on a closed stream", events)
                        .map(|()| None)
                }
            };
        };
        match self.check_data(slot, [flow_bytes, payload_bytes], end) {
            Ok(()) => Ok(Some(slot)),
            Err((code, rule)) => self.break_stream(id, code, rule, events).map(|()| None),
        }
    }

    fn check_data(
        &mut self,
        slot: Slot,
        [flow_bytes, payload_bytes]: [usize; 2],
        end: bool,
    ) -> Result<(), (ErrorCode, &'static str)> {
        let Some(stream) = self.streams.at(slot) else {
            return Ok(());
        };
        match stream.inbound {
            Inbound::Head => {
                return Err((ErrorCode::PROTOCOL_ERROR, "DATA before an answer's head"));
            }
            Inbound::Body => {}
            Inbound::Ended => {
                let rule = "DATA behind the end of a stream";
                return Err((ErrorCode::STREAM_CLOSED, rule));
            }
        }
        if !stream.receive_window.take(flow_bytes, payload_bytes) {
            let rule = "more DATA than the stream's window allows";
            return Err((ErrorCode::FLOW_CONTROL_ERROR, rule));
        }
        self.buffered += wide(payload_bytes);
        if let Some(left) = stream.length_left {
            let left = left.checked_sub(payload_bytes as u64);
            let rule = match left {
                None => Some("more content than content-length tells"),
                Some(1..) if end => Some("less content than content-length tells"),
                Some(_) => None,
            };
            stream.length_left = left;
            if let Some(rule) = rule {
                return Err((ErrorCode::PROTOCOL_ERROR, rule));
            }
        }
        Ok(())
    }

    fn data_bytes<E: Events<S>>(&mut self, slot: Slot, bytes: &[u8], end: bool, events: &mut E) {
        let Some(stream) = self.streams.at(slot) else {
            return;
        };
        if end {
            stream.inbound = Inbound::Ended;
        }
        let credit = events.data(stream.id, &mut stream.data, bytes, end);
        self.consume(slot, credit);
        if end {
            self.drop_if_done(slot);
        }
    }

    fn peer_reset<E: Events<S>>(
        &mut self,
        frame: &Reset,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let id = frame.stream;
        let Some(stream) = self.streams.get(id) else {
            return match self.absent(id) {
                Absent::Idle => Err(ConnectionError::protocol("RST_STREAM on an idle stream")),
                Absent::Late | Absent::Closed => self.abuse.idle_frame(),
            };
        };
        let (born, inbound) = (stream.born, stream.inbound);
        let why = if frame.code == ErrorCode::REFUSED_STREAM && inbound == Inbound::Head {
            Ended::Refused
        } else {
            Ended::Reset(frame.code)
        };
        if let Some(data) = self.remove(id) {
            events.ended(id, data, why);
        }
        match self.role {
            Role::Server => self.abuse.peer_reset(born),
            Role::Client => Ok(()),
        }
    }

    fn peer_ping<E: Events<S>>(
        &mut self,
        frame: Ping,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        if !frame.is_ack {
            self.abuse.idle_frame()?;
            let is_ack = true;
            Frame::Ping(Ping { is_ack, ..frame }).write(self.out.buf());
            return self.answered(PING_BYTES);
        }
        match self.pings.checked_sub(1) {
            Some(left) => self.pings = left,
            None => self.abuse.idle_frame()?,
        }
        events.pong(frame.payload);
        Ok(())
    }

    fn peer_go_away<E: Events<S>>(&mut self, frame: &GoAway<'_>, events: &mut E) {
        self.go_away_received = true;
        let last = frame.last_stream.map_or(0, StreamId::get);
        events.go_away(last, frame.code, frame.debug_data);
        if self.role == Role::Server {
            return; // It would be about streams that a server opens.
        }
        for id in self.streams.above(last) {
            if let Some(data) = self.remove(id) {
                // The peer ignores them; some frame may be under way all the same.
                self.gone.remember_reset(id.get());
                events.ended(id, data, Ended::Refused);
            }
        }
    }

    fn window_update<E: Events<S>>(
        &mut self,
        frame: WindowUpdate,
        events: &mut E,
    ) -> Result<(), ConnectionError> {
        let increment = frame.increment.get();
        self.abuse.window_update(increment)?;
        let max = i64::from(WINDOW_BYTES_MAX);
        let rule = "a window is above 2^31-1";
        let Some(id) = frame.stream else {
            self.send_window += i64::from(increment);
            if self.send_window > max {
                return Err(ConnectionError::new(ErrorCode::FLOW_CONTROL_ERROR, rule));
            }
            return Ok(());
        };
        let Some(slot) = self.streams.find(id) else {
            return match self.absent(id) {
                Absent::Idle => Err(ConnectionError::protocol("WINDOW_UPDATE on an idle stream")),
                Absent::Late | Absent::Closed if increment >= 1024 => self.abuse.idle_frame(),
                Absent::Late | Absent::Closed => Ok(()),
            };
        };
        if let Some(stream) = self.streams.at(slot) {
            stream.send_window += i64::from(increment);
            if stream.send_window > max {
                return self.break_stream(id, ErrorCode::FLOW_CONTROL_ERROR, rule, events);
            }
        }
        self.refresh_ready(slot);
        Ok(())
    }
}
