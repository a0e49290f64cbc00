//! Every key of the wire, with examples.

/// Key, a value that is not the default, how the options show it, a value out of range (none where
/// the type has no range).
pub(super) type Row = (&'static str, &'static str, &'static str, &'static str);

pub(super) const SERVER: &[Row] = &[
    (
        "max_message",
        "\"1KiB\"",
        "receive_bytes_max: 1024,",
        "\"0B\"",
    ),
    (
        "max_send_message",
        "\"2KiB\"",
        "send_bytes_max: 2048,",
        "\"4GiB\"",
    ),
    ("compression", "\"gzip\"", "compression: Always(Gzip)", ""),
    ("max_connections", "7", "connections_max: 7,", "0"),
    ("max_streams", "7", "streams_max: 7,", "0"),
    ("max_handshakes", "7", "handshakes_max: 7,", "0"),
    (
        "handshake_timeout",
        "\"7s\"",
        "handshake_timeout: 7s",
        "\"1ms\"",
    ),
    (
        "max_connection_age",
        "\"7m\"",
        "connection_age_max: Some(420s)",
        "\"0s\"",
    ),
    (
        "max_connection_age_grace",
        "\"7s\"",
        "connection_age_grace: 7s",
        "\"1000d\"",
    ),
    (
        "idle_timeout",
        "\"7m\"",
        "idle_timeout: Some(420s)",
        "\"0s\"",
    ),
    (
        "keepalive",
        "\"7s\"",
        "keepalive_interval: Some(7s)",
        "\"999ms\"",
    ),
    (
        "keepalive_timeout",
        "\"7s\"",
        "keepalive_timeout: 7s",
        "\"0s\"",
    ),
    (
        "receive_buffer",
        "\"7MiB\"",
        "receive_buffer_max: 7340032,",
        "\"1KiB\"",
    ),
    (
        "receive_buffer_total",
        "\"70MiB\"",
        "receive_buffer_total_max: 73400320,",
        "\"1KiB\"",
    ),
    (
        "send_buffer",
        "\"7MiB\"",
        "send_buffer_max: 7340032,",
        "\"1KiB\"",
    ),
    ("inline_max", "\"7us\"", "inline_max: 7µs", "\"2s\""),
    (
        "limits.resets.burst",
        "7",
        "resets: Rate { burst: 7, per_second: 200 }",
        "0",
    ),
    (
        "limits.resets.per_second",
        "7",
        "resets: Rate { burst: 1000, per_second: 7 }",
        "0",
    ),
    ("limits.young", "\"7ms\"", "young_millis: 7,", "\"0s\""),
];

pub(super) const CLIENT: &[Row] = &[
    (
        "max_message",
        "\"1KiB\"",
        "receive_bytes_max: 1024,",
        "\"2GiB\"",
    ),
    (
        "max_send_message",
        "\"2KiB\"",
        "send_bytes_max: 2048,",
        "\"0B\"",
    ),
    ("compression", "\"gzip\"", "compression: Some(Gzip)", ""),
    ("max_calls", "7", "calls_max: 7,", "0"),
    ("max_connections", "7", "connections_max: 7,", "0"),
    (
        "keepalive",
        "\"7s\"",
        "keepalive_interval: Some(7s)",
        "\"999ms\"",
    ),
    (
        "keepalive_timeout",
        "\"7s\"",
        "keepalive_timeout: 7s",
        "\"0s\"",
    ),
    (
        "receive_buffer",
        "\"7MiB\"",
        "receive_buffer_max: 7340032,",
        "\"1KiB\"",
    ),
    (
        "limits.max_early_streams",
        "7",
        "streams_max_until_settings: 7,",
        "0",
    ),
];

/// What both have.
pub(super) const BOTH: &[Row] = &[
    (
        "limits.stream_window",
        "\"70KiB\"",
        "stream_window_bytes: 71680,",
        "\"1B\"",
    ),
    (
        "limits.connection_window",
        "\"70KiB\"",
        "connection_window_bytes: 71680,",
        "\"65534B\"",
    ),
    (
        "limits.max_frame",
        "\"70KiB\"",
        "frame_bytes_max: 71680,",
        "\"16MiB\"",
    ),
    (
        "limits.max_header_list",
        "\"7KiB\"",
        "header_list_bytes_max: 7168,",
        "\"1B\"",
    ),
    (
        "limits.max_header_block",
        "\"7KiB\"",
        "header_block_bytes_max: 7168,",
        "\"1B\"",
    ),
    (
        "limits.header_table",
        "\"0B\"",
        "header_table_bytes: 0,",
        "\"5KiB\"",
    ),
    (
        "limits.write_buffer",
        "\"7KiB\"",
        "out_bytes_max: 7168,",
        "\"1B\"",
    ),
    (
        "limits.idle_frames.burst",
        "7",
        "idle_frames: Rate { burst: 7, per_second: 200 }",
        "0",
    ),
    (
        "limits.idle_frames.per_second",
        "7",
        "idle_frames: Rate { burst: 1000, per_second: 7 }",
        "0",
    ),
    (
        "limits.small_data.burst",
        "7",
        "small_data: Rate { burst: 7, per_second: 1000 }",
        "0",
    ),
    (
        "limits.small_data.per_second",
        "7",
        "small_data: Rate { burst: 100000, per_second: 7 }",
        "0",
    ),
    (
        "limits.settings.burst",
        "7",
        "settings: Rate { burst: 7, per_second: 10 }",
        "0",
    ),
    (
        "limits.settings.per_second",
        "7",
        "settings: Rate { burst: 100, per_second: 7 }",
        "0",
    ),
    (
        "limits.max_continuations",
        "7",
        "continuations_max: 7,",
        "0",
    ),
    (
        "limits.max_answers",
        "\"7KiB\"",
        "answers_bytes_max: 7168",
        "\"1B\"",
    ),
];
