//! Our client against our server, and the generated code.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod cases;
mod counted;
mod fresh;
mod relay;
