//! What the two sides of the wire keep to: plain data with defaults.

use std::time::Duration;

use rzero_http2::connection::Config as Http2Config;

pub use crate::message::Compression;

/// Largest message that is received, in bytes: 4 MiB, the default of every gRPC implementation.
pub const RECEIVE_BYTES_MAX: usize = 4 << 20;

/// Which answers a server compresses, for callers that take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerCompression {
    /// None.
    Never,
    /// Those to requests that were compressed themselves, the same way.
    #[default]
    LikeRequest,
    /// All.
    Always(Compression),
}

/// What a server keeps to.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Longest message that is received, in bytes after decompression. Default 4 MiB.
    pub receive_bytes_max: usize,
    /// Longest message that is sent, in bytes before compression. Default 2 GiB, about what a
    /// message's length can say.
    pub send_bytes_max: usize,
    /// Which answers are compressed. Default: those to requests that were.
    pub compression: AnswerCompression,
    /// Connections at a time; more are closed at once. Default 16,384: two thirds of what a
    /// process may usually have open.
    pub connections_max: usize,
    /// TLS handshakes at a time; more wait, and while some do, one that has taken a second is
    /// given up. Default 256: each costs milliseconds of CPU time.
    pub handshakes_max: usize,
    /// Time for the TLS handshake, the HTTP/2 preface and every header block. Default 10 s.
    pub handshake_timeout: Duration,
    /// Bytes of messages that were received and not consumed, over all streams of a connection.
    /// Default 16 MiB; past it the streams that stalled longest are reset.
    pub receive_buffer_max: usize,
    /// The same over all connections. Default 256 MiB.
    pub receive_buffer_total_max: usize,
    /// Bytes of answers that wait because the peer does not take them, over all streams of a
    /// connection. Default 16 MiB; past it no more of its calls begin until it has taken some, and
    /// answers of handlers that run then end with RESOURCE_EXHAUSTED beyond as much again.
    pub send_buffer_max: usize,
    /// Handlers whose first step takes longer than this on average get a task of their own from
    /// the start, instead of beginning on the connection's task. Default 5 µs, several times what
    /// such a task costs.
    pub inline_max: Duration,
    /// Age at which a connection is asked to leave, ±10 % so that not all come at once. Default
    /// 30 minutes; `None` for ever.
    pub connection_age_max: Option<Duration>,
    /// Time that calls have to finish on a connection that is too old. Default 30 s.
    pub connection_age_grace: Duration,
    /// Time without a call after which a connection is asked to leave. Default `None`: clients
    /// keep connections for calls to come.
    pub idle_timeout: Option<Duration>,
    /// Time without a byte after which a peer is asked for a sign of life. Default 30 s.
    pub keepalive_interval: Option<Duration>,
    /// Time that it has to give one. Default 10 s.
    pub keepalive_timeout: Duration,
    /// The protocol's own bounds: streams, windows, and what a peer may demand.
    pub http2: Http2Config,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            receive_bytes_max: RECEIVE_BYTES_MAX,
            send_bytes_max: i32::MAX as usize,
            compression: AnswerCompression::default(),
            connections_max: 16_384,
            handshakes_max: 256,
            handshake_timeout: Duration::from_secs(10),
            receive_buffer_max: 16 << 20,
            receive_buffer_total_max: 256 << 20,
            send_buffer_max: 16 << 20,
            inline_max: Duration::from_micros(5),
            connection_age_max: Some(Duration::from_secs(30 * 60)),
            connection_age_grace: Duration::from_secs(30),
            idle_timeout: None,
            keepalive_interval: Some(Duration::from_secs(30)),
            keepalive_timeout: Duration::from_secs(10),
            http2: Http2Config::default(),
        }
    }
}

/// What a client keeps to.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Longest message that is received, in bytes after decompression. Default 4 MiB.
    pub receive_bytes_max: usize,
    /// Longest message that is sent, in bytes before compression. Default 2 GiB.
    pub send_bytes_max: usize,
    /// How requests are compressed. Default `None`: not at all. Compressed answers are always
    /// understood.
    pub compression: Option<Compression>,
    /// Calls in flight on a connection, those included that wait because the server allows fewer
    /// streams; more are refused. Default 65,536.
    pub calls_max: u32,
    /// Connections to a server, of which there is at most one for each core. Default 16. One
    /// batches best, so that a further one is opened only when all there are are saturated: 90
    /// % of the streams are open that the server allows, or, from four cores on, their tasks are
    /// busy more than 80 % of 100 ms. It closes when it has been idle for 10 s.
    pub connections_max: usize,
    /// Bytes of messages that were received and not consumed, over all streams of a connection.
    /// Default 16 MiB; past it the streams that stalled longest are reset.
    pub receive_buffer_max: usize,
    /// Time without a byte after which a server is asked for a sign of life. Default 10 s. Servers
    /// end connections that ask too often: the third time without a call in between waits for
    /// five minutes.
    pub keepalive_interval: Option<Duration>,
    /// Time that it has to give one. Default 5 s.
    pub keepalive_timeout: Duration,
    /// What we call ourselves.
    pub user_agent: &'static str,
    /// The protocol's own bounds.
    pub http2: Http2Config,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            receive_bytes_max: RECEIVE_BYTES_MAX,
            send_bytes_max: i32::MAX as usize,
            compression: None,
            calls_max: 65_536,
            connections_max: 16,
            receive_buffer_max: 16 << 20,
            keepalive_interval: Some(Duration::from_secs(10)),
            keepalive_timeout: Duration::from_secs(5),
            user_agent: concat!("grpc-rust-rzero/", env!("CARGO_PKG_VERSION")),
            http2: Http2Config::default(),
        }
    }
}
