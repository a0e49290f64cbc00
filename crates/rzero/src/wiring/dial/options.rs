//! The options of the gRPC wire by configuration: what is absent keeps the wire's own default.

use std::ops::RangeInclusive;
use std::time::Duration;

use rzero_client::{ClientCompressionConfig, ClientConfig};
use rzero_config::ByteSize;
use rzero_core::{Error, Result};
use rzero_grpc::{AnswerCompression, ClientOptions, Compression, ServerOptions};
use rzero_server::{CompressionConfig, LimitsConfig, RpcConfig};

use super::section::Section;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
/// The largest number of 31 bits: what HTTP/2 counts streams and windows with.
const MAX_31: u64 = (1 << 31) - 1;

/// While a message arrives its stream's window grows to hold it, at most to 1 GiB.
const RECEIVED: RangeInclusive<u64> = 1..=GIB;
const SENT: RangeInclusive<u64> = 1..=MAX_31;
const CONNECTIONS: RangeInclusive<u64> = 1..=1 << 24;
const HANDSHAKES: RangeInclusive<u64> = 1..=1 << 16;
/// Connections to one instance.
const FURTHER: RangeInclusive<u64> = 1..=1024;
const STREAMS: RangeInclusive<u64> = 1..=MAX_31;
const BUFFER: RangeInclusive<u64> = 64 * KIB..=TIB;
const STREAM_WINDOW: RangeInclusive<u64> = KIB..=GIB;
const CONNECTION_WINDOW: RangeInclusive<u64> = 65_535..=MAX_31;
const FRAME: RangeInclusive<u64> = 16 * KIB..=16 * MIB - 1;
const HEADERS: RangeInclusive<u64> = KIB..=16 * MIB;
const HEADER_TABLE: RangeInclusive<u64> = 0..=4 * KIB;
const OUTPUT: RangeInclusive<u64> = KIB..=64 * MIB;
const CONTINUATIONS: RangeInclusive<u64> = 1..=1 << 16;
const RATE: RangeInclusive<u64> = 1..=u32::MAX as u64;

/// Points in time have to stay in the range of the clock.
const YEAR: Duration = Duration::from_hours(365 * 24);
const SECONDS: RangeInclusive<Duration> = Duration::from_secs(1)..=YEAR;
const PATIENCE: RangeInclusive<Duration> = Duration::from_millis(100)..=YEAR;
const GRACE: RangeInclusive<Duration> = Duration::ZERO..=YEAR;
const STEP: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(1);
const YOUNG: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);

/// Puts the bounds that both sides have into their places.
macro_rules! put_limits {
    ($at:expr, $limits:expr, $http2:expr) => {{
        let (at, limits, http2) = ($at, $limits, $http2);
        at.size(
            "stream_window",
            limits.stream_window,
            &STREAM_WINDOW,
            &mut http2.stream_window_bytes,
        )?;
        at.size(
            "connection_window",
            limits.connection_window,
            &CONNECTION_WINDOW,
            &mut http2.connection_window_bytes,
        )?;
        at.size(
            "max_frame",
            limits.max_frame,
            &FRAME,
            &mut http2.frame_bytes_max,
        )?;
        at.size(
            "max_header_list",
            limits.max_header_list,
            &HEADERS,
            &mut http2.header_list_bytes_max,
        )?;
        at.size(
            "max_header_block",
            limits.max_header_block,
            &HEADERS,
            &mut http2.header_block_bytes_max,
        )?;
        at.size(
            "header_table",
            limits.header_table,
            &HEADER_TABLE,
            &mut http2.header_table_bytes,
        )?;
        at.size(
            "write_buffer",
            limits.write_buffer,
            &OUTPUT,
            &mut http2.out_bytes_max,
        )?;
        put_rate!(
            at,
            "idle_frames",
            &limits.idle_frames,
            &mut http2.limits.idle_frames
        );
        put_rate!(
            at,
            "small_data",
            &limits.small_data,
            &mut http2.limits.small_data
        );
        put_rate!(at, "settings", &limits.settings, &mut http2.limits.settings);
        at.count(
            "max_continuations",
            limits.max_continuations,
            &CONTINUATIONS,
            &mut http2.limits.continuations_max,
        )?;
        at.size(
            "max_answers",
            limits.max_answers,
            &OUTPUT,
            &mut http2.limits.answers_bytes_max,
        )?;
    }};
}

macro_rules! put_rate {
    ($at:expr, $name:expr, $rate:expr, $place:expr) => {{
        let (at, rate, place) = ($at.below($name), $rate, $place);
        at.count("burst", rate.burst, &RATE, &mut place.burst)?;
        at.count("per_second", rate.per_second, &RATE, &mut place.per_second)?;
    }};
}

/// The options of a server.
///
/// # Errors
/// When a value is out of its range; the message names the key and the range.
pub(super) fn server(rpc: &RpcConfig) -> Result<ServerOptions> {
    let mut options = ServerOptions::default();
    let at = Section::new("server.rpc");
    at.size(
        "max_message",
        rpc.max_message,
        &RECEIVED,
        &mut options.receive_bytes_max,
    )?;
    at.size(
        "max_send_message",
        rpc.max_send_message,
        &SENT,
        &mut options.send_bytes_max,
    )?;
    if let Some(compression) = rpc.compression {
        options.compression = match compression {
            CompressionConfig::Never => AnswerCompression::Never,
            CompressionConfig::LikeRequest => AnswerCompression::LikeRequest,
            CompressionConfig::Gzip => AnswerCompression::Always(Compression::Gzip),
        };
    }
    at.count(
        "max_connections",
        rpc.max_connections,
        &CONNECTIONS,
        &mut options.connections_max,
    )?;
    at.count(
        "max_streams",
        rpc.max_streams,
        &STREAMS,
        &mut options.http2.streams_max,
    )?;
    at.count(
        "max_handshakes",
        rpc.max_handshakes,
        &HANDSHAKES,
        &mut options.handshakes_max,
    )?;
    at.size(
        "receive_buffer",
        rpc.receive_buffer,
        &BUFFER,
        &mut options.receive_buffer_max,
    )?;
    at.size(
        "receive_buffer_total",
        rpc.receive_buffer_total,
        &BUFFER,
        &mut options.receive_buffer_total_max,
    )?;
    at.size(
        "send_buffer",
        rpc.send_buffer,
        &BUFFER,
        &mut options.send_buffer_max,
    )?;
    server_times(&at, rpc, &mut options)?;
    let (own, all) = (options.receive_buffer_max, options.receive_buffer_total_max);
    holds_messages(&at, options.receive_bytes_max, own)?;
    if all < own {
        let (all, own) = (("receive_buffer_total", all), ("receive_buffer", own));
        return Err(does_not_hold(&at, all, "at least", own));
    }
    server_limits(&at.below("limits"), &rpc.limits, &mut options)?;
    Ok(options)
}

fn server_times(at: &Section, rpc: &RpcConfig, options: &mut ServerOptions) -> Result<()> {
    if let Some(time) = at.time("handshake_timeout", rpc.handshake_timeout, &PATIENCE)? {
        options.handshake_timeout = time;
    }
    if let Some(age) = rpc.max_connection_age {
        options.connection_age_max = at.time("max_connection_age", age.time(), &SECONDS)?;
    }
    let grace = rpc.max_connection_age_grace;
    if let Some(time) = at.time("max_connection_age_grace", grace, &GRACE)? {
        options.connection_age_grace = time;
    }
    if let Some(idle) = rpc.idle_timeout {
        options.idle_timeout = at.time("idle_timeout", idle.time(), &SECONDS)?;
    }
    if let Some(keepalive) = rpc.keepalive {
        options.keepalive_interval = at.time("keepalive", keepalive.time(), &SECONDS)?;
    }
    if let Some(time) = at.time("keepalive_timeout", rpc.keepalive_timeout, &PATIENCE)? {
        options.keepalive_timeout = time;
    }
    if let Some(time) = at.time("inline_max", rpc.inline_max, &STEP)? {
        options.inline_max = time;
    }
    Ok(())
}

fn server_limits(at: &Section, limits: &LimitsConfig, options: &mut ServerOptions) -> Result<()> {
    let http2 = &mut options.http2;
    put_limits!(at, limits, &mut *http2);
    put_rate!(at, "resets", &limits.resets, &mut http2.limits.resets);
    if let Some(young) = at.time("young", limits.young, &YOUNG)? {
        http2.limits.young_millis = u32::try_from(young.as_millis()).unwrap_or(u32::MAX);
    }
    Ok(())
}

/// The options of the client that `section` describes.
///
/// # Errors
/// When a value is out of its range; the message names the key and the range.
pub(super) fn client(section: &str, config: &ClientConfig) -> Result<ClientOptions> {
    let mut options = ClientOptions::default();
    let at = Section::new(section);
    at.size(
        "max_message",
        config.max_message,
        &RECEIVED,
        &mut options.receive_bytes_max,
    )?;
    at.size(
        "max_send_message",
        config.max_send_message,
        &SENT,
        &mut options.send_bytes_max,
    )?;
    if let Some(compression) = config.compression {
        options.compression = match compression {
            ClientCompressionConfig::Never => None,
            ClientCompressionConfig::Gzip => Some(Compression::Gzip),
        };
    }
    at.count(
        "max_calls",
        config.max_calls,
        &STREAMS,
        &mut options.calls_max,
    )?;
    at.count(
        "max_connections",
        config.max_connections,
        &FURTHER,
        &mut options.connections_max,
    )?;
    at.size(
        "receive_buffer",
        config.receive_buffer,
        &BUFFER,
        &mut options.receive_buffer_max,
    )?;
    if let Some(keepalive) = config.keepalive {
        options.keepalive_interval = at.time("keepalive", keepalive.time(), &SECONDS)?;
    }
    if let Some(time) = at.time("keepalive_timeout", config.keepalive_timeout, &PATIENCE)? {
        options.keepalive_timeout = time;
    }
    holds_messages(&at, options.receive_bytes_max, options.receive_buffer_max)?;
    let (at, limits, http2) = (at.below("limits"), &config.limits, &mut options.http2);
    put_limits!(&at, limits, &mut *http2);
    at.count(
        "max_early_streams",
        limits.max_early_streams,
        &STREAMS,
        &mut http2.streams_max_until_settings,
    )?;
    Ok(options)
}

/// A message that fills the buffer alone would end its own call.
fn holds_messages(at: &Section, message: usize, buffer: usize) -> Result<()> {
    if message < buffer {
        return Ok(());
    }
    let (own, inner) = (("receive_buffer", buffer), ("max_message", message));
    Err(does_not_hold(at, own, "more than", inner))
}

fn does_not_hold(at: &Section, outer: (&str, usize), word: &str, inner: (&str, usize)) -> Error {
    let shown = |(name, bytes): (&str, usize)| {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        format!("{} = \"{}\"", at.key(name), ByteSize::new(bytes))
    };
    let (outer, inner) = (shown(outer), shown(inner));
    Error::invalid_input(format!(
        "{outer} has to be {word} {inner}; raise the one or lower the other"
    ))
}
