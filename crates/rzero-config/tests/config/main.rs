//! The public API on real files.

mod layers;
mod messages;
mod remote;
mod secrets;
mod sections;
mod support;
mod watching;
