//! The public API on real files.

mod layers;
mod messages;
mod secrets;
mod support;
mod watching;
