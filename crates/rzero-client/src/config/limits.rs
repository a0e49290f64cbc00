//! The bounds of HTTP/2 on a client.

use rzero_config::{ByteSize, RateConfig};
use serde::Deserialize;

/// `[client.<name>.limits]`: windows, header sizes, and what a server may not do without end.
///
/// What is `None` is left to the wire, which checks the ranges when it is made. A server that goes
/// past a rate loses the connection; progress of calls earns credit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClientLimitsConfig {
    /// Calls that are begun on a connection before the server has told its own limit; 1 to
    /// 2^31 - 1.
    pub max_early_streams: Option<u64>,
    /// Bytes that a peer may send on a stream before any are consumed; 1 KiB to 1 GiB.
    pub stream_window: Option<ByteSize>,
    /// Bytes that a peer may have under way on all streams together; 65,535 B to 2 GiB - 1.
    pub connection_window: Option<ByteSize>,
    /// Longest payload of a frame, in both directions; 16 KiB to 16 MiB - 1.
    pub max_frame: Option<ByteSize>,
    /// Largest list of header fields, counted as RFC 7541 section 4.1 does; a larger one costs its
    /// call. 1 KiB to 16 MiB.
    pub max_header_list: Option<ByteSize>,
    /// Longest encoded header block; a longer one costs the connection. 1 KiB to 16 MiB.
    pub max_header_block: Option<ByteSize>,
    /// Largest table of remembered header fields that a peer may use; at most 4 KiB.
    pub header_table: Option<ByteSize>,
    /// Output that stands ready before data of streams waits; 1 KiB to 64 MiB.
    pub write_buffer: Option<ByteSize>,
    /// Frames that bring nothing: PING, PRIORITY, empty DATA and the like.
    pub idle_frames: RateConfig,
    /// DATA of one to four bytes.
    pub small_data: RateConfig,
    /// SETTINGS frames.
    pub settings: RateConfig,
    /// CONTINUATION frames of a header block; 1 to 65,536.
    pub max_continuations: Option<u64>,
    /// Bytes of answers that a peer provoked and does not read; 1 KiB to 64 MiB.
    pub max_answers: Option<ByteSize>,
}
