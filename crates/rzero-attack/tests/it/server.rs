//! Scripts against a server over loopback, with a neighbour beside them.

use std::time::Duration;

use rzero_attack::attack::{self, Expect};
use rzero_attack::driver::{self, Plan, Report};
use rzero_attack::victim::Options;
use tokio::sync::Mutex;

use crate::support::{PATIENCE, Victim};

/// How long an attack lasts that has no end of its own.
const SHORT: Duration = Duration::from_millis(400);

static TURN: Mutex<()> = Mutex::const_new(());

/// Sends one attack, over few connections, each of them once.
async fn attacked(name: &str, timeouts: Option<Duration>) -> Report {
    let mut attack = attack::named(name).unwrap_or_else(|| panic!("no attack `{name}`"));
    let ends = matches!(attack.expect, Expect::GoAway(_) | Expect::Cut);
    attack.within = PATIENCE;
    let until = match attack.expect {
        Expect::Marks(marks) => marks,
        _ => &[],
    };
    let plan = Plan {
        duration: match attack.expect {
            _ if ends => attack.within,
            Expect::Marks(_) => PATIENCE,
            _ => SHORT,
        },
        connections: attack.connections.min(4),
        share: 1.0,
        again: false,
        until,
    };
    // Together they would only show how busy the machine is.
    let _turn = TURN.lock().await;
    let options = Options {
        tls: attack.tls,
        handshake_timeout: timeouts,
        keepalive: timeouts,
    };
    let victim = Victim::start(options).await;
    let report = victim
        .beside(driver::attack(&attack, victim.address, &plan))
        .await;
    if let Err(why) = attack.judge(&report) {
        panic!("{name}: {why}; {}", report.to_json());
    }
    victim.is_as_before().await;
    victim.leave().await;
    report
}

macro_rules! attacks {
    ($($test:ident: $name:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            attacked($name, None).await;
        }
    )*};
}

attacks! {
    rapid_reset_is_calmed: "rapid-reset",
    rapid_reset_without_messages_is_calmed: "rapid-reset-unsent",
    resets_by_window_zero_are_calmed: "made-reset-window-zero",
    resets_by_window_overflow_are_calmed: "made-reset-window-overflow",
    resets_by_self_dependency_are_calmed: "made-reset-self-dependency",
    resets_by_priority_length_are_calmed: "made-reset-priority-length",
    resets_by_data_behind_the_end_are_calmed: "made-reset-half-closed",
    resets_by_a_second_head_are_calmed: "made-reset-second-head",
    resets_by_content_length_are_calmed: "made-reset-content-length",
    resets_by_malformed_heads_are_calmed: "made-reset-malformed",
    endless_block_is_calmed: "continuation-flood",
    endless_empty_block_is_calmed: "continuation-empty",
    endless_block_of_bytes_is_calmed: "continuation-byte",
    block_in_many_frames_is_served: "continuation-ended",
    hpack_bomb_is_refused: "hpack-bomb",
    huge_literal_is_calmed: "hpack-literal",
    block_of_table_updates_is_refused: "hpack-table-updates",
    thrashed_table_is_served: "hpack-table-thrash",
    zero_length_headers_are_calmed: "headers-zero-length",
    noise_in_blocks_is_refused: "headers-noise",
    empty_data_is_calmed: "data-empty",
    padding_is_calmed: "data-padding",
    data_of_one_byte_is_calmed: "data-one-byte",
    settings_flood_is_calmed: "settings-flood",
    settings_storm_is_calmed: "settings-storm",
    settings_acks_are_calmed: "settings-acks",
    settings_of_many_entries_are_calmed: "settings-too-many",
    ping_flood_is_calmed: "ping-flood",
    priority_flood_is_calmed: "priority-flood",
    resets_of_closed_streams_are_calmed: "reset-flood-closed",
    resets_of_idle_streams_are_refused: "reset-flood-idle",
    requests_without_path_are_calmed: "reset-flood-invalid",
    window_update_flood_is_calmed: "window-update-flood",
    unknown_frames_are_calmed: "unknown-flood",
    goaway_flood_is_cut: "goaway-flood",
    push_promise_is_refused: "push-promise",
    too_long_frame_is_refused: "frame-too-long",
    window_of_zero_is_borne: "window-zero",
    streams_with_a_window_of_zero_are_borne: "window-zero-streams",
    dribble_is_borne: "data-dribble",
    shut_transport_is_borne: "transport-shut",
    streams_on_a_shut_transport_are_borne: "transport-shut-streams",
    streams_over_the_limit_are_refused: "streams-over-limit",
    idle_connections_are_kept: "idle-connections",
    churn_of_connections_is_borne: "connection-churn",
    noise_instead_of_tls_is_cut: "tls-noise",
    oversized_message_is_refused: "message-oversized",
    unfinished_messages_are_borne: "message-unfinished",
    gzip_bomb_is_refused: "gzip-bomb",
    noise_as_gzip_is_refused: "gzip-noise",
    garbage_in_metadata_is_borne: "metadata-garbage",
    noise_in_messages_is_borne: "message-noise",
}

/// Peers that take their time, and a server that gives them little.
macro_rules! slow_attacks {
    ($($test:ident: $name:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            attacked($name, Some(Duration::from_millis(600))).await;
        }
    )*};
}

slow_attacks! {
    silent_peer_is_cut: "silent",
    slow_preface_is_cut: "slow-preface",
    slow_header_block_is_cut: "slow-headers",
    block_without_end_is_cut: "slow-continuation",
    vanished_peer_is_cut: "half-open",
    endless_tls_handshake_is_cut: "tls-handshake",
}
