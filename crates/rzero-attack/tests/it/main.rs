//! Every attack on the protocol core without a socket.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod core;
