//! What the parts of the wire that run for every call may allocate.
//!
//! They are private, and the crate itself forbids the unsafe code that a counting allocator is: so
//! this test is built of their sources.
#![expect(
    unsafe_code,
    reason = "a counting allocator implements an unsafe trait"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]
#![expect(
    unreachable_pub,
    unused_imports,
    reason = "parts of a crate stand here as a test"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use fields::{ReplyFields, RequestFields, RequestHead};
use message::{Assembler, Compression};
use rzero_core::{Address, Idempotency, Kind, Metadata, Method, Peer};
use rzero_http2::hpack::{BlockEncoder, BlockPart, Decoder, DecoderConfig, Encoder};
use tokio::time::Instant;

#[path = "../src/fields/mod.rs"]
mod fields;
#[path = "../src/message/mod.rs"]
mod message;
#[path = "../src/timeout.rs"]
mod timeout;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(work: impl FnOnce() -> T) -> u64 {
    let before = COUNT.with(Cell::get);
    let made = work();
    let count = COUNT.with(Cell::get) - before;
    drop(made);
    count
}

/// Both ends of the header compression of one direction.
struct Wire {
    encoder: Encoder,
    decoder: Decoder,
    block: Vec<u8>,
}

impl Wire {
    fn new() -> Self {
        Self {
            encoder: Encoder::new(),
            decoder: Decoder::new(DecoderConfig::default()),
            block: Vec::with_capacity(1024),
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut BlockEncoder<'_>)) {
        self.block.clear();
        write(&mut self.encoder.block(&mut self.block));
    }

    fn read_request(&mut self, request: &mut RequestFields) {
        request.reset();
        let field = |field: rzero_http2::hpack::Field<'_>| request.field(field);
        self.decoder
            .decode(&self.block, BlockPart::Last, field)
            .unwrap();
    }

    fn read_reply(&mut self, reply: &mut ReplyFields) {
        reply.reset();
        let field = |field: rzero_http2::hpack::Field<'_>| reply.field(field);
        self.decoder
            .decode(&self.block, BlockPart::Last, field)
            .unwrap();
    }
}

fn metadata() -> Metadata {
    let mut metadata = Metadata::new();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (key, value) in [
        ("traceparent", trace),
        ("x-rz-caller", "shop@1.2.3"),
        ("x-tenant", "blue"),
        ("x-user", "7"),
    ] {
        metadata.insert(key, value).unwrap();
    }
    metadata
}

/// Allocations of writing, reading and understanding the head of a request.
fn request(metadata: Option<&Metadata>) -> [u64; 2] {
    let head = RequestHead {
        scheme: "http",
        authority: "127.0.0.1:7000",
        path: "/a.B/C",
        timeout: Some(Duration::from_millis(1500)),
        compression: Some(Compression::Gzip),
        user_agent: "test",
        metadata,
    };
    let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown).unwrap();
    let peer = Arc::new(Peer {
        address: Address::tcp("127.0.0.1", 7),
        identity: None,
    });
    let (mut wire, mut fields, now) = (Wire::new(), RequestFields::default(), Instant::now());
    let mut counts = [0; 2];
    // The first call warms up.
    for _ in 0..2 {
        let written = allocations(|| wire.write(|block| fields::write_request(block, &head)));
        let read = allocations(|| {
            wire.read_request(&mut fields);
            assert_eq!(fields.refusal(), None);
            fields.encoding().unwrap();
            fields.call_info(method, now, Arc::clone(&peer)).unwrap()
        });
        counts = [written, read];
    }
    counts
}

#[test]
fn request_without_metadata_allocates_nothing() {
    assert_eq!(request(None), [0, 0]);
}

#[test]
fn text_metadata_of_a_request_takes_two_allocations_whatever_its_size() {
    let [written, read] = request(Some(&metadata()));
    assert_eq!(written, 0);
    // The texts, and the `Arc` that calls share.
    assert_eq!(read, 2);
}

#[test]
fn good_answer_allocates_nothing() {
    let (mut wire, mut fields) = (Wire::new(), ReplyFields::default());
    let none = Metadata::new();
    for warm in [false, true] {
        let head = allocations(|| {
            wire.write(|block| fields::write_head(block, &none, None));
            wire.read_reply(&mut fields);
            fields.head().unwrap()
        });
        let trailers = allocations(|| {
            wire.write(|block| fields::write_status(block, Ok(&none)));
            wire.read_reply(&mut fields);
            fields.trailers().unwrap()
        });
        assert!(!warm || (head, trailers) == (0, 0), "{head} {trailers}");
    }
}

#[test]
fn message_is_allocated_once_and_exactly() {
    let message = vec![7; 1000];
    let wire = [&message::prefix(message.len(), false)[..], &message].concat();
    let mut assembler = Assembler::new(1 << 20);
    let whole = allocations(|| assembler.next(&mut &wire[..]).unwrap().unwrap());
    assert_eq!(whole, 1);
    let mut pieces = wire.chunks(300);
    let split = allocations(|| {
        pieces
            .find_map(|mut piece| assembler.next(&mut piece).unwrap())
            .unwrap()
    });
    assert_eq!(split, 1);
    let empty = message::prefix(0, false);
    let none = allocations(|| assembler.next(&mut &empty[..]).unwrap().unwrap());
    assert_eq!(none, 0);
}

#[test]
fn compression_reuses_its_state() {
    let text = "to be or not to be ".repeat(100);
    let mut counts = (0, 0);
    for _ in 0..2 {
        let packed = Compression::Gzip.compress(text.as_bytes());
        let compress = allocations(|| Compression::Gzip.compress(text.as_bytes()));
        let decompress = allocations(|| Compression::Gzip.decompress(&packed, 1 << 20).unwrap());
        counts = (compress, decompress);
    }
    // The compressed buffer is larger than its content: sharing it takes a second one.
    assert!(counts.0 <= 2 && counts.1 == 1, "{counts:?}");
}
