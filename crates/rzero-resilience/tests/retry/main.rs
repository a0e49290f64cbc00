//! Retries, hedging and their budget through the public API.

mod attempts;
mod budget;
mod drivers;
mod hedging;
mod support;
