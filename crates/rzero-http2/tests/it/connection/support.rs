//! Peers made of text: frames and commands in a short notation, and what comes back as text.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rzero_http2::connection::{
    Config, Connection, ConnectionError, Credit, Ended, Events, GoAwayStep, Request, Role,
};
use rzero_http2::frame::{
    Data, Dependency, ErrorCode, Frame, GoAway, HeadersHead, Ping, Priority, PushPromise, Reset,
    Setting, Settings, Splitter, SplitterConfig, StreamId, Unknown, WindowUpdate, write_block,
    write_settings,
};
use rzero_http2::hpack::{
    BlockEncoder, BlockPart, Decoder, DecoderConfig, Encoder, Field, Indexing,
};

use crate::support::hex;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const REQUEST: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/a.B/C"),
    ("te", "trailers"),
];

pub(crate) fn stream(number: u32) -> StreamId {
    StreamId::new(number).unwrap()
}

/// A point to count from.
#[expect(
    clippy::disallowed_methods,
    reason = "the core is told the time; any will do"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// Writes what happens, one line each; bytes of one stream that follow each other share a line.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) log: Vec<String>,
    fields: String,
    /// The stream of the last line, if it is one of bytes.
    data_of: Option<StreamId>,
    /// Whether bytes are held and not consumed.
    pub(crate) holds: bool,
    pub(crate) refuses: bool,
    pub(crate) widen: usize,
}

impl Recorder {
    fn line(&mut self, line: String) {
        self.data_of = None;
        self.log.push(line);
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        self.data_of = None;
        std::mem::take(&mut self.log)
    }
}

impl Events<u32> for Recorder {
    fn block(&mut self) {
        self.fields.clear();
    }

    fn field(&mut self, field: Field<'_>) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        write!(self.fields, " {}={}", text(field.name), text(field.value)).unwrap();
    }

    fn request(&mut self, stream: StreamId, end: bool) -> Request<u32> {
        let end = if end { " end" } else { "" };
        let fields = std::mem::take(&mut self.fields);
        self.line(format!("request {stream}{fields}{end}"));
        if self.refuses {
            Request::Refuse
        } else {
            Request::Take(stream.get())
        }
    }

    fn headers(&mut self, stream: StreamId, data: &mut u32, end: bool) {
        assert_eq!(stream.get(), *data);
        let end = if end { " end" } else { "" };
        let fields = std::mem::take(&mut self.fields);
        self.line(format!("headers {stream}{fields}{end}"));
    }

    fn data(&mut self, stream: StreamId, data: &mut u32, bytes: &[u8], end: bool) -> Credit {
        assert_eq!(stream.get(), *data);
        assert!(end || !bytes.is_empty());
        if self.data_of != Some(stream) {
            self.line(format!("data {stream} "));
        }
        let line = self.log.last_mut().unwrap();
        line.extend(bytes.iter().map(|byte| char::from(*byte)));
        self.data_of = Some(stream);
        if end {
            line.push_str(" end");
            self.data_of = None;
        }
        Credit {
            consumed: if self.holds { 0 } else { bytes.len() },
            widen: std::mem::take(&mut self.widen),
        }
    }

    fn ended(&mut self, stream: StreamId, data: u32, why: Ended) {
        assert_eq!(stream.get(), data);
        self.line(match why {
            Ended::Reset(code) => format!("ended {stream} reset {code}"),
            Ended::Refused => format!("ended {stream} refused"),
            Ended::Broken(error) => format!("ended {stream} broken {}", error.code),
        });
    }

    fn writable(&mut self, stream: StreamId, data: &mut u32) {
        assert_eq!(stream.get(), *data);
        self.line(format!("writable {stream}"));
    }

    fn go_away(&mut self, last: u32, code: ErrorCode, debug: &[u8]) {
        let debug = String::from_utf8_lossy(debug);
        self.line(format!("go_away {last} {code} {debug}"));
    }

    fn pong(&mut self, payload: [u8; 8]) {
        self.line(format!("pong {}", payload[7]));
    }
}

/// Reads what a connection wrote, as text.
pub(crate) struct Reader {
    splitter: Splitter,
    decoder: Decoder,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            splitter: Splitter::new(SplitterConfig {
                payload_bytes_max: 1 << 20,
                continuations_max: 10_000,
            }),
            decoder: Decoder::new(DecoderConfig::default()),
        }
    }

    pub(crate) fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// The frames, which have to be whole; a client's preface is left out.
    pub(crate) fn read(&mut self, wire: &[u8]) -> Vec<String> {
        let mut input = wire.strip_prefix(PREFACE).unwrap_or(wire);
        let mut lines = Vec::new();
        while let Some(frame) = self.splitter.next(&mut input).unwrap() {
            lines.push(line(&frame, &mut self.decoder));
        }
        assert!(self.splitter.is_between_frames());
        lines
    }
}

fn line(frame: &Frame<'_>, decoder: &mut Decoder) -> String {
    let end = |end| if end { " end" } else { "" };
    let number = |stream: Option<StreamId>| stream.map_or(0, StreamId::get);
    let mut block = |fragment: &[u8], is_last| {
        let part = if is_last {
            BlockPart::Last
        } else {
            BlockPart::More
        };
        let mut fields = String::new();
        let decoded = decoder.decode(fragment, part, |field| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            write!(fields, " {}={}", text(field.name), text(field.value)).unwrap();
        });
        decoded.unwrap();
        fields
    };
    match frame {
        Frame::Headers(headers) => {
            let fields = block(headers.fragment, headers.end_headers);
            format!(
                "HEADERS {}{fields}{}",
                headers.stream,
                end(headers.end_stream)
            )
        }
        Frame::Continuation(more) => {
            let fields = block(more.fragment, more.end_headers);
            format!("CONTINUATION {}{fields}", more.stream)
        }
        Frame::Data(data) => {
            format!(
                "DATA {} {}{}",
                data.stream,
                data.payload.len(),
                end(data.end_stream)
            )
        }
        Frame::Reset(reset) => format!("RST {} {}", reset.stream, reset.code),
        Frame::GoAway(go_away) => {
            format!("GOAWAY {} {}", number(go_away.last_stream), go_away.code)
        }
        Frame::WindowUpdate(update) => {
            format!("WINDOW {} {}", number(update.stream), update.increment)
        }
        Frame::Settings(Settings::Ack) => "SETTINGS ack".to_owned(),
        Frame::Settings(Settings::List(_)) => "SETTINGS".to_owned(),
        Frame::Ping(ping) if ping.is_ack => format!("PING ack {}", ping.payload[7]),
        Frame::Ping(ping) => format!("PING {}", ping.payload[7]),
        other => format!("{other:?}"),
    }
}

/// A connection and its peer.
pub(crate) struct Bench {
    pub(crate) connection: Connection<u32>,
    pub(crate) events: Recorder,
    pub(crate) reader: Reader,
    pub(crate) now: Instant,
}

impl Bench {
    /// Before anything was exchanged; what the connection sends first is dropped.
    pub(crate) fn bare(role: Role, config: Config) -> Self {
        let now = start();
        let mut bench = Self {
            connection: Connection::new(role, config, now),
            events: Recorder::default(),
            reader: Reader::new(),
            now,
        };
        bench.sent();
        bench
    }

    /// With settings exchanged.
    pub(crate) fn new(role: Role, config: Config) -> Self {
        let mut bench = Self::bare(role, config);
        if role == Role::Server {
            bench.receive(PREFACE).unwrap();
        }
        assert_eq!(bench.play("S SA"), ["SETTINGS ack"]);
        bench
    }

    pub(crate) fn server() -> Self {
        Self::new(Role::Server, Config::default())
    }

    pub(crate) fn client() -> Self {
        Self::new(Role::Client, Config::default())
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.connection.receive(bytes, self.now, &mut self.events)
    }

    pub(crate) fn later(&mut self, by: Duration) {
        self.now += by;
    }

    /// Takes all that the connection has to write: as text.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            self.connection.pump(&mut self.events);
            let wire = std::mem::take(self.connection.out());
            if wire.is_empty() {
                return lines;
            }
            lines.extend(self.reader.read(&wire));
        }
    }

    /// Plays words of [`play_word`](Self::play_word) in turn, until the connection fails. Gives
    /// what was sent.
    pub(crate) fn play(&mut self, script: &str) -> Vec<String> {
        for word in script.split_whitespace() {
            if let Some(command) = word.strip_prefix('!') {
                self.command(command);
                continue;
            }
            let mut wire = Vec::new();
            write_word(&mut wire, word);
            if self.receive(&wire).is_err() {
                break;
            }
        }
        self.sent()
    }

    /// What happened since the last look.
    pub(crate) fn happened(&mut self) -> Vec<String> {
        self.events.take()
    }

    /// A command of the shell: `open`, `head1`, `answer1` (head and end), `data1:5`, `data1:5e`,
    /// `end1`, `trailers1`, `reset1`, `use1:9` (consumed), `widen1:9`, `ping`, `announce`, `final`.
    fn command(&mut self, command: &str) {
        let split = command.find(|c: char| c.is_ascii_digit());
        let (verb, rest) = command.split_at(split.unwrap_or(command.len()));
        let (id, argument) = rest.split_once(':').unwrap_or((rest, ""));
        let id = id.parse().ok().and_then(StreamId::new);
        let (argument, end) = match argument.strip_suffix('e') {
            Some(argument) => (argument, true),
            None => (argument, false),
        };
        let bytes: usize = argument.parse().unwrap_or(0);
        let connection = &mut self.connection;
        match (verb, id) {
            ("open", None) => {
                let id = connection.open(0, false, request).unwrap();
                *connection.get_mut(id).unwrap() = id.get();
            }
            ("get", None) => {
                let id = connection.open(0, true, request).unwrap();
                *connection.get_mut(id).unwrap() = id.get();
            }
            ("ping", None) => connection.ping([0, 0, 0, 0, 0, 0, 0, 7]),
            ("announce", None) => {
                connection.go_away(GoAwayStep::Announce, ErrorCode::NO_ERROR, "");
            }
            ("final", None) => connection.go_away(GoAwayStep::Final, ErrorCode::NO_ERROR, ""),
            ("head", Some(id)) => assert!(connection.headers(id, false, ok)),
            ("answer", Some(id)) => assert!(connection.headers(id, true, ok)),
            ("trailers", Some(id)) => assert!(connection.headers(id, true, trailers)),
            ("data", Some(id)) => {
                connection.data(id, &[], Bytes::from(vec![b'x'; bytes]), end);
            }
            ("end", Some(id)) => assert!(connection.end(id)),
            ("reset", Some(id)) => {
                assert_eq!(connection.reset(id, ErrorCode::CANCEL), Some(id.get()));
            }
            ("use", Some(id)) => connection.consumed(id, bytes),
            ("widen", Some(id)) => connection.widen(id, bytes),
            _ => panic!("no command {command:?}"),
        }
    }
}

pub(crate) fn request(block: &mut BlockEncoder<'_>) {
    for (name, value) in REQUEST {
        block.field(name.as_bytes(), value.as_bytes(), Indexing::Add);
    }
}

pub(crate) fn ok(block: &mut BlockEncoder<'_>) {
    block.field(b":status", b"200", Indexing::Add);
}

pub(crate) fn trailers(block: &mut BlockEncoder<'_>) {
    block.field(b"grpc-status", b"0", Indexing::Add);
}

/// A block that uses no table of remembered fields.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new();
    let mut block = encoder.block(&mut out);
    for (name, value) in fields {
        block.field(name.as_bytes(), value.as_bytes(), Indexing::Plain);
    }
    out
}

/// HEADERS with these fields.
pub(crate) fn headers(id: u32, end_stream: bool, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let stream = stream(id);
    let head = HeadersHead { stream, end_stream };
    write_block(&mut out, head, &block(fields), 16_384);
    out
}

/// Appends a frame of the peer: `H1` (request), `A1` (answer), `I1` (informational), `T1`
/// (trailers), `D1:5` (DATA of 5 bytes), `R1:8` (RST_STREAM), `W1:5`, `P1>3` (PRIORITY), `S4=9`
/// (SETTINGS), `SA`, `G5:0`, `PING`, `PONG`, `U` (unknown type), `PP1>2`, `X…` (hexadecimal).
/// A final `e` ends the stream.
pub(crate) fn write_word(out: &mut Vec<u8>, word: &str) {
    if let Some(digits) = word.strip_prefix('X') {
        out.extend_from_slice(&hex(digits));
        return;
    }
    let (word, end_stream) = match word.strip_suffix('e') {
        Some(word) => (word, true),
        None => (word, false),
    };
    let split = word
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(word.len());
    let (kind, rest) = word.split_at(split);
    let (id, argument) = rest.split_once([':', '>', '=']).unwrap_or((rest, ""));
    let id: u32 = id.parse().unwrap_or(0);
    let argument: u32 = argument.parse().unwrap_or(0);
    let frame = match kind {
        "H" => return out.extend(headers(id, end_stream, &REQUEST)),
        "A" => return out.extend(headers(id, end_stream, &[(":status", "200")])),
        "I" => return out.extend(headers(id, end_stream, &[(":status", "103")])),
        "T" => return out.extend(headers(id, end_stream, &[("grpc-status", "0")])),
        "D" => Frame::Data(Data {
            stream: stream(id),
            payload: &vec![b'x'; argument as usize],
            end_stream,
            padding: None,
        }),
        "R" => Frame::Reset(Reset {
            stream: stream(id),
            code: ErrorCode(argument),
        }),
        "W" => Frame::WindowUpdate(WindowUpdate {
            stream: StreamId::new(id),
            increment: NonZeroU32::new(argument).unwrap(),
        }),
        "P" => Frame::Priority(Priority {
            stream: stream(id),
            dependency: Dependency {
                on: StreamId::new(argument),
                is_exclusive: false,
                weight: 15,
            },
        }),
        "S" if id == 0 => return write_settings(out, &[]),
        "S" => return write_settings(out, &[setting(id, argument)]),
        "SA" => Frame::Settings(Settings::Ack),
        "G" => Frame::GoAway(GoAway {
            last_stream: StreamId::new(id),
            code: ErrorCode(argument),
            debug_data: b"bye",
        }),
        "PING" | "PONG" => Frame::Ping(Ping {
            payload: [0, 0, 0, 0, 0, 0, 0, 7],
            is_ack: kind == "PONG",
        }),
        "U" => Frame::Unknown(Unknown {
            kind: 0x42,
            flags: 0xff,
            stream: StreamId::new(id),
            payload: b"what",
        }),
        "PP" => Frame::PushPromise(PushPromise {
            stream: stream(id),
            promised: stream(argument),
            fragment: &block(&REQUEST),
            end_headers: true,
            padding: None,
        }),
        _ => panic!("no frame {word:?}"),
    };
    frame.write(out);
}

fn setting(id: u32, value: u32) -> Setting {
    match id {
        1 => Setting::HeaderTableSize(value),
        2 => Setting::EnablePush(value != 0),
        3 => Setting::MaxConcurrentStreams(value),
        4 => Setting::InitialWindowSize(value),
        5 => Setting::MaxFrameSize(value),
        6 => Setting::MaxHeaderListSize(value),
        id => Setting::Unknown {
            id: u16::try_from(id).unwrap(),
            value,
        },
    }
}

/// The bytes of a script of frames.
pub(crate) fn wire(script: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for word in script.split_whitespace() {
        write_word(&mut out, word);
    }
    out
}
