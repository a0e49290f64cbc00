//! The HTTP/2 protocol without I/O: bytes in, values out.
//!
//! A protocol core that opens no socket and reads no clock can be replayed from a byte log, split
//! at any offset and fed with noise. This crate is that core, in three layers:
//!
//! - [`frame`] cuts a byte stream into the frames of RFC 9113 and writes them. [`frame::Splitter`]
//!   takes the bytes in any pieces; a frame that lies in one piece is never copied.
//! - [`hpack`] compresses and expands header blocks (RFC 7541). The decoder hands every field to a
//!   callback: there is no header map.
//! - [`connection`] is one end of a connection, client or server: stream states, flow control,
//!   settings, valid messages, and limits for peers that only cost.
//!
//! A frame in, its fields out:
//!
//! ```
//! use rzero_http2::frame::{self, Frame, Splitter, SplitterConfig, StreamId};
//! use rzero_http2::hpack::{BlockPart, Decoder, DecoderConfig, Encoder, Indexing};
//!
//! let mut block = Vec::new();
//! Encoder::new()
//!     .block(&mut block)
//!     .field(b":method", b"POST", Indexing::Plain)
//!     .field(b":path", b"/shop.Orders/Place", Indexing::Add);
//! let mut wire = Vec::new();
//! let head = frame::HeadersHead { stream: StreamId::new(1).unwrap(), end_stream: true };
//! frame::write_block(&mut wire, head, &block, 16_384);
//!
//! let mut splitter = Splitter::new(SplitterConfig::default());
//! let mut decoder = Decoder::new(DecoderConfig::default());
//! let mut input = &wire[..];
//! let mut names = Vec::new();
//! while let Some(frame) = splitter.next(&mut input).unwrap() {
//!     if let Frame::Headers(headers) = frame {
//!         decoder
//!             .decode(headers.fragment, BlockPart::Last, |field| names.push(field.name.to_vec()))
//!             .unwrap();
//!     }
//! }
//! assert_eq!(names, [b":method".to_vec(), b":path".to_vec()]);
//! ```
//!
//! # Memory
//!
//! Whatever a peer sends, a splitter holds at most twice the bytes of the one frame that is not
//! complete, and a decoder a small multiple of what [`hpack::DecoderConfig`] allows a block, told
//! at [`hpack::Decoder`]. Neither allocates what a length merely claims.
//!
//! A connection adds what its module tells: little while it is idle, and what the shell lets wait.
//!
//! What this crate does not do: no sockets, no clock, no tasks; no push, no priorities, no CONNECT
//! with a protocol; nothing of gRPC.
#![forbid(unsafe_code)]

pub mod connection;
pub mod frame;
pub mod hpack;
