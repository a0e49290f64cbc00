//! What the crate promises, seen from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod captures;
mod connection;
mod corpus;
mod frame_properties;
mod frame_rules;
mod hpack_bounds;
mod hpack_properties;
mod hpack_rfc7541;
mod support;
