//! tonic-generated code against ours, in both directions, over loopback and in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod channel;
mod foreign;
mod limits;
mod mounted;
mod ours;
mod support;
mod theirs;

/// Made by tonic's generator from `tests/proto/probe.proto`.
#[allow(
    warnings,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "tonic's generator decides how its code looks"
)]
#[rustfmt::skip]
#[path = "gen/probe.v1.rs"]
mod probe;

/// The descriptor set that tonic's generator writes beside it.
pub(crate) static FILES: &[u8] = include_bytes!("gen/probe.binpb");
