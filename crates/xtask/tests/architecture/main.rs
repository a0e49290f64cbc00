//! The shape of the workspace, checked: which crate may know which, what the product pulls in,
//! and what every file must or must not say.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod layers;
mod signatures;
mod texts;
mod vendors;
mod workspace;
