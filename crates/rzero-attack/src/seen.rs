//! What the server has said.

use std::collections::{BTreeMap, HashMap};

use rzero_http2::frame::{
    ErrorCode, Frame, Ping, Setting, Settings, Splitter, SplitterConfig, StreamId,
};
use rzero_http2::hpack::{BlockPart, Decoder, DecoderConfig};

/// The window that streams begin with until SETTINGS say otherwise.
const WINDOW_BYTES: u64 = 65_535;

/// What the server has said on one connection.
#[derive(Debug)]
pub struct Seen {
    splitter: Splitter,
    decoder: Decoder,
    block: Vec<u8>,
    block_ends_stream: bool,
    /// Acknowledgements that a polite client would send.
    pub answers: Vec<u8>,
    /// The first GOAWAY that told an error, or the first one.
    pub go_away: Option<(ErrorCode, String)>,
    /// How often what ended a stream: `RST_STREAM REFUSED_STREAM`, `grpc-status 8`, `:status 415`.
    pub marks: BTreeMap<String, u64>,
    /// Streams that the server has ended, one way or the other.
    pub ended: u64,
    /// Bytes of DATA.
    pub data_bytes: u64,
    /// What one stream may be sent at first.
    stream_window: u64,
    /// What was added to windows; the key is the stream, 0 the connection.
    credit: HashMap<u32, u64>,
    /// How many streams the server allows.
    pub streams_max: Option<u32>,
    /// What was said is not HTTP/2; nothing more is looked at.
    pub is_garbage: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            splitter: Splitter::new(SplitterConfig::default()),
            decoder: Decoder::new(DecoderConfig::default()),
            block: Vec::new(),
            block_ends_stream: false,
            answers: Vec::new(),
            go_away: None,
            marks: BTreeMap::new(),
            ended: 0,
            data_bytes: 0,
            stream_window: WINDOW_BYTES,
            credit: HashMap::new(),
            streams_max: None,
            is_garbage: false,
        }
    }
}

impl Seen {
    /// How many bytes of DATA a stream may have been sent since it was opened.
    #[must_use]
    pub fn stream_room(&self, stream: StreamId) -> u64 {
        self.stream_window + self.credit.get(&stream.get()).copied().unwrap_or(0)
    }

    /// How many bytes of DATA the connection may have been sent since it was made.
    #[must_use]
    pub fn connection_room(&self) -> u64 {
        WINDOW_BYTES + self.credit.get(&0).copied().unwrap_or(0)
    }

    /// Takes bytes of the server.
    pub fn take(&mut self, mut bytes: &[u8]) {
        // A frame borrows from the splitter, which is part of what it changes.
        let mut splitter =
            std::mem::replace(&mut self.splitter, Splitter::new(SplitterConfig::default()));
        while !self.is_garbage {
            match splitter.next(&mut bytes) {
                Ok(Some(frame)) => self.frame(&frame),
                Ok(None) => break,
                Err(_) => self.is_garbage = true,
            }
        }
        self.splitter = splitter;
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        match frame {
            Frame::Data(data) => {
                self.data_bytes += u64::try_from(data.flow_bytes()).unwrap_or(0);
                self.ended += u64::from(data.end_stream);
            }
            Frame::Headers(headers) => {
                self.block.clear();
                self.block_ends_stream = headers.end_stream;
                self.fragment(headers.fragment, headers.end_headers);
            }
            Frame::Continuation(part) => self.fragment(part.fragment, part.end_headers),
            Frame::Reset(reset) => {
                self.ended += 1;
                self.mark(format!("RST_STREAM {}", reset.code));
            }
            Frame::Settings(Settings::List(list)) => {
                for setting in list.iter() {
                    match setting {
                        Setting::InitialWindowSize(bytes) => self.stream_window = bytes.into(),
                        Setting::MaxConcurrentStreams(max) => self.streams_max = Some(max),
                        _ => {}
                    }
                }
                Frame::Settings(Settings::Ack).write(&mut self.answers);
            }
            Frame::Ping(ping) if !ping.is_ack => {
                let answer = Ping {
                    payload: ping.payload,
                    is_ack: true,
                };
                Frame::Ping(answer).write(&mut self.answers);
            }
            Frame::WindowUpdate(update) => {
                let stream = update.stream.map_or(0, StreamId::get);
                *self.credit.entry(stream).or_default() += u64::from(update.increment.get());
            }
            Frame::GoAway(go_away) => {
                let told = self
                    .go_away
                    .as_ref()
                    .map_or(ErrorCode::NO_ERROR, |(code, _)| *code);
                if self.go_away.is_none() || told == ErrorCode::NO_ERROR {
                    let debug = String::from_utf8_lossy(go_away.debug_data).into_owned();
                    self.go_away = Some((go_away.code, debug));
                }
            }
            _ => {}
        }
    }

    fn fragment(&mut self, fragment: &[u8], end_headers: bool) {
        self.block.extend_from_slice(fragment);
        if !end_headers {
            return;
        }
        let mut mark = None;
        let block = std::mem::take(&mut self.block);
        let ends = self.block_ends_stream;
        let decoded = self.decoder.decode(&block, BlockPart::Last, |field| {
            let tells = match field.name {
                b"grpc-status" => true,
                b":status" => field.value != b"200",
                _ => false,
            };
            if tells {
                let text = [field.name, field.value].map(String::from_utf8_lossy);
                mark = Some(text.join(" "));
            }
        });
        self.block = block;
        self.is_garbage |= decoded.is_err();
        self.ended += u64::from(ends);
        if ends && let Some(mark) = mark {
            self.mark(mark);
        }
    }

    fn mark(&mut self, mark: String) {
        *self.marks.entry(mark).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft;

    #[test]
    fn ends_of_streams_are_told_apart() {
        let mut bytes = Vec::new();
        let refused = craft::block(&[(":status", "200"), ("grpc-status", "8")]);
        craft::headers(&mut bytes, craft::stream(1), &refused, true);
        craft::cancel(&mut bytes, craft::stream(3));
        let mut seen = Seen::default();
        bytes.chunks(7).for_each(|piece| seen.take(piece));
        assert_eq!(seen.ended, 2);
        assert!(seen.marks.contains_key("grpc-status 8"), "{:?}", seen.marks);
        assert!(
            seen.marks.contains_key("RST_STREAM CANCEL"),
            "{:?}",
            seen.marks
        );
    }

    #[test]
    fn room_follows_window_updates() {
        let mut bytes = Vec::new();
        craft::window_update(&mut bytes, None, 1000);
        craft::window_update(&mut bytes, Some(craft::stream(1)), 10);
        let mut seen = Seen::default();
        seen.take(&bytes);
        assert_eq!(seen.connection_room(), WINDOW_BYTES + 1000);
        assert_eq!(seen.stream_room(craft::stream(1)), WINDOW_BYTES + 10);
        assert_eq!(seen.stream_room(craft::stream(3)), WINDOW_BYTES);
    }
}
