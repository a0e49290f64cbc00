//! Retries, hedging and their budget through the public API.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod attempts;
mod budget;
mod drivers;
mod hedging;
mod support;
