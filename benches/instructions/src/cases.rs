//! The cases: what both ends of a connection do for small unary calls, without their sockets.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use rzero_http2::connection::{
    Config, Connection, Credit, Ended, Events, GoAwayStep, Request, Role,
};
use rzero_http2::frame::{ErrorCode, StreamId};
use rzero_http2::hpack::{
    BlockEncoder, BlockPart, Decoder, DecoderConfig, Encoder, Field, Indexing,
};

type Case = fn(u32);

/// Every case by its name.
pub(crate) const CASES: [(&str, Case); 4] = [
    ("unary_one_at_a_time", |times| calls(times, 1)),
    ("unary_in_batches_of_64", |times| calls(times, 64)),
    ("stream_of_128_byte_messages", messages),
    ("header_blocks_of_a_call", blocks),
];

const MESSAGE: &[u8] = &[7; 128];
const PREFIX: [u8; 5] = [0, 0, 0, 0, 128];

/// Both ends with their bytes handed over.
struct Pair {
    client: Connection<()>,
    server: Connection<()>,
    at_client: Ends,
    at_server: Ends,
    now: Instant,
}

/// Notes which streams have ended.
#[derive(Default)]
struct Ends {
    ended: Vec<StreamId>,
    fields: usize,
}

impl Events<()> for Ends {
    fn block(&mut self) {}

    fn field(&mut self, field: Field<'_>) {
        self.fields += black_box(field.value.len());
    }

    fn request(&mut self, _: StreamId, _: bool) -> Request<()> {
        Request::Take(())
    }

    fn headers(&mut self, stream: StreamId, (): &mut (), end: bool) {
        if end {
            self.ended.push(stream);
        }
    }

    fn data(&mut self, stream: StreamId, (): &mut (), bytes: &[u8], end: bool) -> Credit {
        if end {
            self.ended.push(stream);
        }
        Credit::consumed(black_box(bytes).len())
    }

    fn ended(&mut self, _: StreamId, (): (), _: Ended) {}

    fn writable(&mut self, _: StreamId, (): &mut ()) {}

    fn go_away(&mut self, _: u32, _: ErrorCode, _: &[u8]) {}

    fn pong(&mut self, _: [u8; 8]) {}
}

impl Pair {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "nothing here waits")]
        let now = Instant::now();
        let mut pair = Self {
            client: Connection::new(Role::Client, Config::default(), now),
            server: Connection::new(Role::Server, Config::default(), now),
            at_client: Ends::default(),
            at_server: Ends::default(),
            now,
        };
        (0..3).for_each(|_| pair.exchange());
        pair
    }

    fn exchange(&mut self) {
        self.client.pump(&mut self.at_client);
        let up = std::mem::take(self.client.out());
        let received = self.server.receive(&up, self.now, &mut self.at_server);
        received.expect("a client of ours keeps the rules");
        self.server.pump(&mut self.at_server);
        let down = std::mem::take(self.server.out());
        let received = self.client.receive(&down, self.now, &mut self.at_client);
        received.expect("a server of ours keeps the rules");
        // The buffers go back: a shell keeps them, too.
        *self.client.out() = emptied(up, self.client.out());
        *self.server.out() = emptied(down, self.server.out());
    }
}

fn emptied(mut buffer: Vec<u8>, filled: &[u8]) -> Vec<u8> {
    buffer.clear();
    buffer.extend_from_slice(filled);
    buffer
}

fn request(block: &mut BlockEncoder<'_>) {
    block
        .field(b":method", b"POST", Indexing::Add)
        .field(b":scheme", b"http", Indexing::Add)
        .field(b":path", b"/shop.v1.Orders/Place", Indexing::Add)
        .field(b":authority", b"127.0.0.1:7000", Indexing::Add)
        .field(b"te", b"trailers", Indexing::Add)
        .field(b"content-type", b"application/grpc", Indexing::Add)
        .field(b"grpc-timeout", b"1999m", Indexing::Plain);
}

fn head(block: &mut BlockEncoder<'_>) {
    block.field(b":status", b"200", Indexing::Add).field(
        b"content-type",
        b"application/grpc",
        Indexing::Add,
    );
}

fn status(block: &mut BlockEncoder<'_>) {
    block.field(b"grpc-status", b"0", Indexing::Add);
}

/// Unary calls, so many at a time.
fn calls(times: u32, at_a_time: u32) {
    let mut pair = Pair::new();
    let message = Bytes::from_static(MESSAGE);
    for _ in 0..times.div_ceil(at_a_time) {
        for _ in 0..at_a_time {
            let stream = pair.client.open((), false, request);
            let stream = stream.expect("there is room for another call");
            pair.client.data(stream, &PREFIX, message.clone(), true);
        }
        pair.exchange();
        for stream in std::mem::take(&mut pair.at_server.ended) {
            pair.server.headers(stream, false, head);
            pair.server.data(stream, &PREFIX, message.clone(), false);
            pair.server.headers(stream, true, status);
        }
        pair.exchange();
        pair.at_client.ended.clear();
    }
    black_box((pair.at_client.fields, pair.at_server.fields));
}

/// Messages of one stream, a DATA frame each.
fn messages(times: u32) {
    let mut pair = Pair::new();
    let message = Bytes::from_static(MESSAGE);
    let stream = pair.client.open((), false, request).expect("is the first");
    for _ in 0..times.div_ceil(64) {
        for _ in 0..64 {
            pair.client.data(stream, &PREFIX, message.clone(), false);
        }
        pair.exchange();
    }
    pair.client
        .go_away(GoAwayStep::Final, ErrorCode::NO_ERROR, "");
}

/// The three header blocks of a call, encoded and decoded.
fn blocks(times: u32) {
    let (mut up, mut down) = (Encoder::new(), Encoder::new());
    let mut at_server = Decoder::new(DecoderConfig::default());
    let mut at_client = Decoder::new(DecoderConfig::default());
    let mut out = Vec::new();
    let mut fields = 0;
    for _ in 0..times {
        out.clear();
        request(&mut up.block(&mut out));
        let read = |field: Field<'_>| fields += field.value.len();
        let read = at_server.decode(black_box(&out), BlockPart::Last, read);
        read.expect("what was encoded here can be decoded");
        for write in [head, status] {
            out.clear();
            write(&mut down.block(&mut out));
            let read = |field: Field<'_>| fields += field.value.len();
            let read = at_client.decode(black_box(&out), BlockPart::Last, read);
            read.expect("what was encoded here can be decoded");
        }
    }
    black_box(fields);
}
