//! What a connection is built with.

use super::limits::Limits;

/// The window that every connection and stream begins with, in bytes (RFC 9113 section 6.9.2).
pub(super) const PROTOCOL_WINDOW_BYTES: u32 = 65_535;

/// The largest window, in bytes (RFC 9113 section 6.9.1).
pub(super) const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Opens streams: those of odd numbers.
    Client,
    /// Answers the streams of the client.
    Server,
}

/// The sizes of a [`Connection`](super::Connection); what it tells the peer, and what it keeps to
/// itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many bytes the peer may send on a new stream before the shell has consumed any. At most
    /// 1 GiB. Default 64 KiB: a slow reader holds no more than this per stream.
    pub stream_window_bytes: u32,
    /// How many bytes the peer may send on all streams together. It is returned on receipt, so it
    /// bounds what is under way, not what is held. 65,535 to 2^31-1; smaller values count as 65,535,
    /// which the protocol grants anyway. Default 1 MiB.
    pub connection_window_bytes: u32,
    /// How many streams the peer may have open at once. A server refuses more (REFUSED_STREAM); on a
    /// client it has no meaning. Default 1,000: more calls at once than a connection serves well.
    pub streams_max: u32,
    /// How many streams a client opens before the peer's settings have told its own limit. Default
    /// 100, the least that RFC 9113 recommends to servers.
    pub streams_max_until_settings: u32,
    /// The longest payload of a frame, in bytes, in both directions: what SETTINGS_MAX_FRAME_SIZE
    /// tells the peer, and the most that is sent even where the peer would take more. 2^14 to
    /// 2^24-1. Default 16 KiB: longer frames let one stream hold up the others.
    pub frame_bytes_max: u32,
    /// The largest header list, in bytes as RFC 7541 section 4.1 counts them. A larger one costs
    /// its stream. Default 16 KiB.
    pub header_list_bytes_max: u32,
    /// The longest encoded header block, in bytes. A longer one costs the connection. Default
    /// 16 KiB.
    pub header_block_bytes_max: usize,
    /// The largest table of remembered header fields that the peer may use, in bytes; at most
    /// 4,096, which is the default and the protocol's own.
    pub header_table_bytes: u32,
    /// How much may stand in the output buffer before data of streams waits in their queues, in
    /// bytes. Header blocks and control frames do not wait. Default 64 KiB: one large write.
    pub out_bytes_max: usize,
    /// What is refused.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream_window_bytes: 64 * 1024,
            connection_window_bytes: 1024 * 1024,
            streams_max: 1_000,
            streams_max_until_settings: 100,
            frame_bytes_max: 16 * 1024,
            header_list_bytes_max: 16 * 1024,
            header_block_bytes_max: 16 * 1024,
            header_table_bytes: 4_096,
            out_bytes_max: 64 * 1024,
            limits: Limits::default(),
        }
    }
}
