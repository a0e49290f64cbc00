//! Bytes: frames, header blocks, messages, and what no honest writer produces.

use std::num::NonZeroU32;

use prost::Message;
use rzero_http2::frame::{
    Continuation, Data, Dependency, ErrorCode, Frame, Headers, Ping, Priority, Reset, Setting,
    StreamId, Unknown, WindowUpdate, write_block, write_settings,
};
use rzero_http2::hpack::{Encoder, Indexing};

/// What a client sends first (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest payload that every receiver accepts.
pub const FRAME_BYTES_MAX: usize = 16_384;

/// The unary method.
pub const SAY: &str = "/peers.v1.Echo/Say";
/// The method whose server streams.
pub const COUNT: &str = "/peers.v1.Echo/Count";
/// The method whose client streams.
pub const SUM: &str = "/peers.v1.Echo/Sum";
/// The method of which both stream.
pub const CHAT: &str = "/peers.v1.Echo/Chat";

/// Frame types that have rules of their own for what may be in them.
pub mod kind {
    /// PRIORITY.
    pub const PRIORITY: u8 = 2;
    /// SETTINGS.
    pub const SETTINGS: u8 = 4;
    /// WINDOW_UPDATE.
    pub const WINDOW_UPDATE: u8 = 8;
    /// No type that anybody knows.
    pub const UNKNOWN: u8 = 0x42;
}

/// Numbers of the streams that a client opens, in their order.
#[derive(Debug, Clone, Default)]
pub struct Streams(u32);

impl Streams {
    /// The next one.
    pub fn open(&mut self) -> StreamId {
        self.0 += 1;
        stream(2 * self.0 - 1)
    }

    /// How many were opened.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.0 as u64
    }
}

/// The stream of this number.
///
/// # Panics
/// When there is none of this number.
#[must_use]
pub fn stream(number: u32) -> StreamId {
    StreamId::new(number).expect("a script is over long before stream 2^31")
}

/// The preface and the first SETTINGS.
pub fn hello(out: &mut Vec<u8>, settings: &[Setting]) {
    out.extend_from_slice(PREFACE);
    write_settings(out, settings);
}

/// The header block of a request, with `more` fields behind those of gRPC. It leaves the table of
/// the receiver alone, so that it may be sent any number of times.
#[must_use]
pub fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "victim"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    fields.extend_from_slice(more);
    block(&fields)
}

/// A header block of just these fields.
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new();
    let mut block = encoder.block(&mut out);
    for (name, value) in fields {
        block.field(name.as_bytes(), value.as_bytes(), Indexing::Plain);
    }
    out
}

/// A message with its prefix.
#[must_use]
pub fn message(message: &impl Message) -> Vec<u8> {
    let mut out = prefix(0, message.encoded_len());
    // A vector grows as needed.
    let _ = message.encode(&mut out);
    out
}

/// The five bytes before a message: its flag and its claimed length.
#[must_use]
pub fn prefix(flag: u8, bytes: usize) -> Vec<u8> {
    let [b0, b1, b2, b3] = u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    vec![flag, b0, b1, b2, b3]
}

/// HEADERS with a block of any length, whole.
pub fn headers(out: &mut Vec<u8>, stream: StreamId, block: &[u8], end_stream: bool) {
    write_block(
        out,
        rzero_http2::frame::HeadersHead { stream, end_stream },
        block,
        FRAME_BYTES_MAX,
    );
}

/// HEADERS whose block goes on.
pub fn headers_begun(out: &mut Vec<u8>, stream: StreamId, fragment: &[u8]) {
    let headers = Headers {
        stream,
        fragment,
        end_stream: false,
        end_headers: false,
        dependency: None,
        padding: None,
    };
    Frame::Headers(headers).write(out);
}

/// CONTINUATION.
pub fn continuation(out: &mut Vec<u8>, stream: StreamId, fragment: &[u8], end_headers: bool) {
    let frame = Continuation {
        stream,
        fragment,
        end_headers,
    };
    Frame::Continuation(frame).write(out);
}

/// DATA.
pub fn data(out: &mut Vec<u8>, stream: StreamId, payload: &[u8], end_stream: bool) {
    padded(out, stream, payload, None, end_stream);
}

/// DATA with padding.
pub fn padded(
    out: &mut Vec<u8>,
    stream: StreamId,
    payload: &[u8],
    padding: Option<u8>,
    end_stream: bool,
) {
    Frame::Data(Data {
        stream,
        payload,
        end_stream,
        padding,
    })
    .write(out);
}

/// A whole unary call: HEADERS, and a message that ends the stream.
pub fn call(out: &mut Vec<u8>, stream: StreamId, block: &[u8], message: &[u8]) {
    headers(out, stream, block, false);
    data(out, stream, message, true);
}

/// RST_STREAM with CANCEL.
pub fn cancel(out: &mut Vec<u8>, stream: StreamId) {
    Frame::Reset(Reset {
        stream,
        code: ErrorCode::CANCEL,
    })
    .write(out);
}

/// WINDOW_UPDATE; `None` is the connection.
pub fn window_update(out: &mut Vec<u8>, stream: Option<StreamId>, bytes: u32) {
    match NonZeroU32::new(bytes) {
        Some(increment) => Frame::WindowUpdate(WindowUpdate { stream, increment }).write(out),
        None => raw(out, kind::WINDOW_UPDATE, 0, stream, &[0; 4]),
    }
}

/// PING.
pub fn ping(out: &mut Vec<u8>) {
    Frame::Ping(Ping {
        payload: *b"are you?",
        is_ack: false,
    })
    .write(out);
}

/// PRIORITY.
pub fn priority(out: &mut Vec<u8>, stream: StreamId, on: Option<StreamId>) {
    let dependency = Dependency {
        on,
        is_exclusive: false,
        weight: 15,
    };
    Frame::Priority(Priority { stream, dependency }).write(out);
}

/// Any frame at all.
pub fn raw(out: &mut Vec<u8>, kind: u8, flags: u8, stream: Option<StreamId>, payload: &[u8]) {
    Frame::Unknown(Unknown {
        kind,
        flags,
        stream,
        payload,
    })
    .write(out);
}

/// An integer of RFC 7541 section 5.1, with `pattern` above its prefix.
pub fn integer(out: &mut Vec<u8>, pattern: u8, prefix_bits: u8, value: usize) {
    let mask = 0xff_u8 >> (8 - prefix_bits);
    if value < usize::from(mask) {
        out.push(pattern | low_byte(value));
        return;
    }
    out.push(pattern | mask);
    let mut rest = value - usize::from(mask);
    while rest >= 0x80 {
        out.push(low_byte(rest & 0x7f) | 0x80);
        rest >>= 7;
    }
    out.push(low_byte(rest));
}

/// A literal field that the receiver is to remember (RFC 7541 section 6.2.1), without Huffman.
pub fn remembered(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    literal(out, 0x40, name, value);
}

/// A literal field (RFC 7541 section 6.2.2), without Huffman; whatever its name says.
pub fn plain(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    literal(out, 0x00, name, value);
}

fn literal(out: &mut Vec<u8>, pattern: u8, name: &[u8], value: &[u8]) {
    out.push(pattern);
    for text in [name, value] {
        integer(out, 0, 7, text.len());
        out.extend_from_slice(text);
    }
}

const fn low_byte(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

/// A gzip member that inflates to at least `bytes` zeros: one literal, and matches of the greatest
/// length at distance 1, which take 13 bits each in the fixed code (RFC 1951 section 3.2.6).
#[must_use]
pub fn gzip_of_zeros(bytes: usize) -> Vec<u8> {
    /// A match of 258 bytes: code 285 is 11000101.
    const MATCH: (u32, u32) = (0b1100_0101, 8);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut bits = Bits::default();
    bits.push(0b1, 1, &mut out); // the last block
    bits.push(0b01, 2, &mut out); // of fixed codes
    bits.push_code(0b0011_0000, 8, &mut out); // a zero
    for _ in 0..bytes.div_ceil(258) {
        bits.push_code(MATCH.0, MATCH.1, &mut out);
        bits.push_code(0, 5, &mut out);
    }
    bits.push_code(0, 7, &mut out); // the end of the block
    bits.flush(&mut out);
    let inflated = u32::try_from(1 + bytes.div_ceil(258) * 258).unwrap_or(u32::MAX);
    // The checksum is wrong; who gets so far has inflated too much already.
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&inflated.to_le_bytes());
    out
}

/// Bits as deflate packs them: from the lowest of each byte.
#[derive(Debug, Default)]
struct Bits {
    held: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32, out: &mut Vec<u8>) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            out.push(self.held.to_le_bytes()[0]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Codes are packed from their highest bit.
    fn push_code(&mut self, code: u32, count: u32, out: &mut Vec<u8>) {
        self.push(code.reverse_bits() >> (32 - count), count, out);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.count > 0 {
            self.push(0, 8 - self.count, out);
        }
    }
}

/// Bytes without a pattern, the same in every run.
#[derive(Debug, Clone)]
pub struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Noise {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_le_bytes()[3]
    }

    /// The next bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use rzero_http2::hpack::{BlockPart, Decoder, DecoderConfig};

    use super::*;

    #[test]
    fn request_block_is_what_a_server_expects() {
        let block = request(SAY, &[("grpc-timeout", "1S")]);
        let mut names = Vec::new();
        Decoder::new(DecoderConfig::default())
            .decode(&block, BlockPart::Last, |field| {
                names.push(String::from_utf8(field.name.to_vec()).unwrap());
            })
            .unwrap();
        let all = ":method :scheme :path :authority te content-type grpc-timeout";
        assert_eq!(names.join(" "), all);
    }

    #[test]
    fn integers_are_those_of_rfc_7541() {
        let mut out = Vec::new();
        integer(&mut out, 0x20, 5, 1337);
        assert_eq!(out, [0x3f, 0b1001_1010, 0b0000_1010]);
    }

    #[test]
    fn bomb_inflates_to_what_it_says() {
        let bomb = gzip_of_zeros(5 << 20);
        assert!(bomb.len() < 48 << 10, "{} bytes", bomb.len());
        // The tool is everywhere; it complains about the checksum after all the zeros.
        let gunzip = Command::new("gzip")
            .args(["-dc"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut gunzip) = gunzip else { return };
        gunzip.stdin.take().unwrap().write_all(&bomb).unwrap();
        let inflated = gunzip.wait_with_output().unwrap().stdout;
        assert!(inflated.len() >= 5 << 20, "{} bytes", inflated.len());
        assert!(inflated.iter().all(|byte| *byte == 0));
    }
}
