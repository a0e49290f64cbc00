//! Generated code is fresh, and calls go through it.
#![cfg(test)]

mod calls;
mod fresh;
mod messages;
mod orders;
