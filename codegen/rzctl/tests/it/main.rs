//! The program as people run it: arguments in, streams and exit codes out.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod call;
mod generation;
mod help;
mod new;
mod policy;
mod ps;
mod server;
mod support;

/// The code of the contract that the tests call, made by the program under test.
#[path = "../fixtures/calc/src/gen/mod.rs"]
mod api;
