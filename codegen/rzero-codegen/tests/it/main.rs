//! What the generator writes for real contracts.
#![cfg(test)]

mod golden;
mod regeneration;
mod scaffolds;
mod support;
