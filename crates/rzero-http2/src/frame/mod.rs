//! Frames (RFC 9113 sections 4 and 6).
//!
//! One file per frame type; each holds the values, `parse` with the rules of its section, and
//! `write`. Parsed frames borrow their payloads from the bytes they were read from. Written frames
//! are appended to a buffer, so that one write carries many.
//!
//! [`Splitter`] finds the frames in a byte stream and keeps the one rule that spans frames: a
//! header block is not interrupted. What a frame means for a stream is not decided here.

mod block;
mod continuation;
mod data;
mod error;
mod go_away;
mod head;
mod headers;
mod padding;
mod ping;
mod priority;
mod push_promise;
mod reset;
mod settings;
mod splitter;
mod unknown;
mod window_update;

pub use block::{HeadersHead, write_block};
pub use continuation::Continuation;
pub use data::{Data, write_data_head};
pub use error::{ErrorCode, FrameError, Scope};
pub use go_away::GoAway;
pub use head::{HEAD_BYTES, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN_MAX, StreamId};
pub use headers::Headers;
pub use ping::Ping;
pub use priority::{Dependency, Priority};
pub use push_promise::PushPromise;
pub use reset::Reset;
pub use settings::{Setting, Settings, SettingsList, write_settings};
pub use splitter::{Splitter, SplitterConfig};
pub use unknown::Unknown;
pub use window_update::WindowUpdate;

pub(crate) use block::{begin_block, finish_block};
use head::{Head, kind};

/// Any frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Bytes of a message.
    Data(Data<'a>),
    /// Opens a stream, or ends one with trailers.
    Headers(Headers<'a>),
    /// Advice that nobody follows any more.
    Priority(Priority),
    /// Ends a stream at once.
    Reset(Reset),
    /// What the sender wants, or that it does what the receiver wants.
    Settings(Settings<'a>),
    /// Announces a stream that a server opens.
    PushPromise(PushPromise<'a>),
    /// Asks for a sign of life, or gives one.
    Ping(Ping),
    /// The last stream that the sender will serve.
    GoAway(GoAway<'a>),
    /// More bytes may be sent.
    WindowUpdate(WindowUpdate),
    /// The next part of a header block.
    Continuation(Continuation<'a>),
    /// A type that this version of the protocol does not know: to be ignored.
    Unknown(Unknown<'a>),
}

/// A frame, or a piece of a DATA frame that did not arrive whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// A DATA frame without padding begins; its payload follows in [`DataBytes`](Self::DataBytes).
    DataHead {
        /// The stream.
        stream: StreamId,
        /// How long the payload will be, in bytes; never 0.
        payload_bytes: usize,
        /// Whether the sender is done with the stream, once the payload has arrived.
        end_stream: bool,
    },
    /// The next bytes of the payload; never empty.
    DataBytes {
        /// The stream.
        stream: StreamId,
        /// The bytes.
        bytes: &'a [u8],
        /// Whether these are the last ones, and the sender is done with the stream.
        end_stream: bool,
    },
}

impl<'a> Frame<'a> {
    #[inline]
    fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        Ok(match head.kind {
            kind::DATA => Self::Data(Data::parse(head, payload)?),
            kind::HEADERS => Self::Headers(Headers::parse(head, payload)?),
            kind::PRIORITY => Self::Priority(Priority::parse(head, payload)?),
            kind::RST_STREAM => Self::Reset(Reset::parse(head, payload)?),
            kind::SETTINGS => Self::Settings(Settings::parse(head, payload)?),
            kind::PUSH_PROMISE => Self::PushPromise(PushPromise::parse(head, payload)?),
            kind::PING => Self::Ping(Ping::parse(head, payload)?),
            kind::GOAWAY => Self::GoAway(GoAway::parse(head, payload)?),
            kind::WINDOW_UPDATE => Self::WindowUpdate(WindowUpdate::parse(head, payload)?),
            kind::CONTINUATION => Self::Continuation(Continuation::parse(head, payload)?),
            _ => Self::Unknown(Unknown::parse(head, payload)),
        })
    }

    /// Appends the frame to `out`.
    ///
    /// # Panics
    ///
    /// When the payload is longer than [`PAYLOAD_BYTES_MAX`]; the receiver's limit is the caller's
    /// to keep.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Data(frame) => frame.write(out),
            Self::Headers(frame) => frame.write(out),
            Self::Priority(frame) => frame.write(out),
            Self::Reset(frame) => frame.write(out),
            Self::Settings(frame) => frame.write(out),
            Self::PushPromise(frame) => frame.write(out),
            Self::Ping(frame) => frame.write(out),
            Self::GoAway(frame) => frame.write(out),
            Self::WindowUpdate(frame) => frame.write(out),
            Self::Continuation(frame) => frame.write(out),
            Self::Unknown(frame) => frame.write(out),
        }
    }
}
