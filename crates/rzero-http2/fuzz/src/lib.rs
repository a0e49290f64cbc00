//! What the targets share: a shell that does whatever the bytes say.
//!
//! An input is a program: a byte says what to do, the bytes behind it with what. `0` and above feed
//! bytes of the peer, so that a capture behind a single byte is a program, too.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rzero_http2::connection::{
    Config, Connection, Credit, Ended, Events, GoAwayStep, Request, Role,
};
use rzero_http2::frame::{ErrorCode, StreamId};
use rzero_http2::hpack::{BlockPart, Decoder, DecoderConfig, Encoder, Field, Indexing};

/// What a shell may hold of streams, in bytes: more is consumed at once.
const HELD_BYTES_MAX: usize = 1 << 20;

/// Takes every request, remembers its streams and holds their bytes.
#[derive(Default)]
struct Shell {
    is_server: bool,
    streams: Vec<StreamId>,
    /// Those whose head this side has sent.
    headed: BTreeSet<StreamId>,
    held: Vec<(StreamId, usize)>,
    bytes: usize,
}

impl Events<()> for Shell {
    fn block(&mut self) {}

    fn field(&mut self, field: Field<'_>) {
        assert!(!field.name.is_empty());
    }

    fn request(&mut self, stream: StreamId, _: bool) -> Request<()> {
        self.streams.push(stream);
        if stream.get() % 64 == 63 {
            return Request::Refuse;
        }
        Request::Take(())
    }

    fn headers(&mut self, _: StreamId, (): &mut (), _: bool) {}

    fn data(&mut self, stream: StreamId, (): &mut (), bytes: &[u8], end: bool) -> Credit {
        assert!(end || !bytes.is_empty());
        if self.bytes + bytes.len() > HELD_BYTES_MAX {
            return Credit::consumed(bytes.len());
        }
        self.bytes += bytes.len();
        self.held.push((stream, bytes.len()));
        Credit {
            consumed: 0,
            widen: bytes.len(),
        }
    }

    fn ended(&mut self, _: StreamId, (): (), _: Ended) {}

    fn writable(&mut self, _: StreamId, (): &mut ()) {}

    fn go_away(&mut self, _: u32, _: ErrorCode, _: &[u8]) {}

    fn pong(&mut self, _: [u8; 8]) {}
}

/// Runs the program in `input` on one end of a connection that was made at `now`.
pub fn run(role: Role, mut now: Instant, input: &[u8]) {
    let mut shell = Shell {
        is_server: role == Role::Server,
        ..Shell::default()
    };
    let mut connection = Connection::new(role, Config::default(), now);
    let mut rest = input;
    while let Some((&command, tail)) = rest.split_first() {
        rest = tail;
        if command < 0xe0 {
            // Pieces of growing length: all of what is left, or a part of it.
            let length = match command {
                0 => rest.len(),
                short => usize::from(short),
            };
            let (piece, tail) = rest.split_at(length.min(rest.len()));
            rest = tail;
            if connection.receive(piece, now, &mut shell).is_err() {
                assert!(connection.is_finished());
            }
        } else {
            let (argument, tail) = rest.split_first().map_or((0, rest), |(a, t)| (*a, t));
            rest = tail;
            now += Duration::from_millis(u64::from(argument));
            act(&mut connection, &mut shell, command, argument);
        }
        connection.pump(&mut shell);
        if argument_of(command).is_multiple_of(4) {
            connection.out().clear();
        }
        // A peer makes us hold no more than it sent, and a little for each stream.
        assert!(connection.out().len() < 64 << 20);
    }
    let _ = connection.receive_end();
    drop(connection.take_streams());
}

fn argument_of(command: u8) -> u8 {
    command & 0x1f
}

fn act(connection: &mut Connection<()>, shell: &mut Shell, command: u8, argument: u8) {
    let stream = match shell.streams.is_empty() {
        true => StreamId::new(u32::from(argument) + 1).expect("is small"),
        false => shell.streams[usize::from(argument) % shell.streams.len()],
    };
    let body = Bytes::from(vec![argument; usize::from(argument) << (command & 7)]);
    let is_headed = shell.headed.contains(&stream);
    match argument_of(command) {
        // A shell keeps to the order of head, messages and trailers.
        0..=3 if !is_headed && shell.is_server => {
            let is_sent = connection.headers(stream, false, |block| {
                block.field(b":status", b"200", Indexing::Add);
            });
            if is_sent {
                shell.headed.insert(stream);
            }
        }
        4..=7 if shell.is_server => {
            connection.headers(stream, true, |block| {
                block.field(b"grpc-status", &[argument], Indexing::Add);
            });
        }
        8..=11 if is_headed => {
            connection.data(stream, &[0; 5], body, argument.is_multiple_of(2));
        }
        12..=13 => {
            connection.reset(stream, ErrorCode(u32::from(argument)));
        }
        14..=17 => {
            if let Some((stream, bytes)) = shell.held.pop() {
                shell.bytes -= bytes;
                connection.consumed(stream, bytes);
            }
        }
        18 => connection.widen(stream, usize::from(argument) << 12),
        19 => connection.set_stream_window(stream, u32::from(argument) << 16),
        20 => connection.ping([argument; 8]),
        21 => connection.go_away(GoAwayStep::Announce, ErrorCode::NO_ERROR, "fuzz"),
        22 => connection.go_away(GoAwayStep::Final, ErrorCode::NO_ERROR, "fuzz"),
        23 if is_headed => {
            connection.end(stream);
        }
        24 => connection.shrink(),
        25..=30 => {
            let opened = connection.open((), argument.is_multiple_of(2), |block| {
                block.field(b":method", b"POST", Indexing::Add).field(
                    b":path",
                    &[b'/', argument | 0x40],
                    Indexing::Add,
                );
            });
            shell.headed.extend(opened.iter().copied());
            shell.streams.extend(opened);
        }
        0..=24 => {}
        _ => connection.fail(ErrorCode::INTERNAL_ERROR, "fuzz"),
    }
}

/// Decodes header blocks, encodes what they say and decodes it again.
pub fn hpack(input: &[u8]) {
    let mut decoder = Decoder::new(DecoderConfig::default());
    let (mut encoder, mut second) = (Encoder::new(), Decoder::new(DecoderConfig::default()));
    let mut rest = input;
    while let Some((&length, tail)) = rest.split_first() {
        let (block, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let mut fields = Vec::new();
        let decoded = decoder.decode(block, BlockPart::Last, |field| {
            fields.push((field.name.to_vec(), field.value.to_vec()));
        });
        assert!(decoder.table_bytes() <= 4096);
        if decoded.is_err() {
            return;
        }
        let mut out = Vec::new();
        let mut writer = encoder.block(&mut out);
        for (name, value) in &fields {
            writer.field(name, value, Indexing::for_name(name));
        }
        let mut again = Vec::new();
        second
            .decode(&out, BlockPart::Last, |field| {
                again.push((field.name.to_vec(), field.value.to_vec()));
            })
            .expect("what was encoded here can be decoded");
        assert_eq!(fields, again);
    }
}
