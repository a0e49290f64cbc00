//! What the generator writes for real contracts.
#![cfg(test)]

mod golden;
mod names;
mod regeneration;
mod scaffolds;
mod support;
