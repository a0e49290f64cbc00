//! Every attack on the protocol core without a socket, and on a server over loopback.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod core;
mod server;
mod support;
