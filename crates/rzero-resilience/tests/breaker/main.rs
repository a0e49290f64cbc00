//! The breaker as its users see it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

#[path = "../common/counting.rs"]
mod counting;

mod alloc;
mod classes;
mod log;
mod passes;
mod recovery;
mod set;
mod settings;
mod support;
mod threads;
mod vectors;
