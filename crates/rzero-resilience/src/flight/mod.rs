//! Single flight: callers that want the same thing at the same time share one piece of work.
//!
//! The classic use is a value that many ask for at once and that is dear to make: a row behind a
//! cache entry that just expired, a token, a rendered page. The first caller's work runs, the
//! others wait for its result. Nothing is kept: who comes after the end begins anew. This is not a
//! cache, it stands in front of what fills one.

mod group;
mod shared_error;
#[cfg(test)]
mod tests;

pub use group::Group;
