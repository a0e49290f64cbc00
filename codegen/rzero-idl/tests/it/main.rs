//! Contracts in, models or diagnostics out.
#![cfg(test)]

mod diagnostics;
mod model;
mod robustness;
mod support;
