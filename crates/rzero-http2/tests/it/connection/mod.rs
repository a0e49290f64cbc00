//! One end of a connection against a peer made of frames, and both ends against each other.

mod abuse;
mod flow;
mod go_away;
mod messages;
mod pair;
mod rules;
pub(crate) mod support;
