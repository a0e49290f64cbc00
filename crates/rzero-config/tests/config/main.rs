//! The public API on real files.

mod layers;
mod messages;
mod remote;
mod secrets;
mod support;
mod watching;
